"""Making layers of arrays of known axes: channels, element class, category, name and box."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from datasets.properties.element_class import ElementClass
from datasets.properties.geometry import BoundingBox, Mag, Vec3Float, Vec3Int
from datasets.properties.infer.arrays import StoredArray
from datasets.properties.infer.folder import Folder
from datasets.properties.model import (
    AdditionalAxis,
    Category,
    CoordinateTransformation,
    Layer,
    MagProperties,
)
from datasets.properties.record import JsonObject

DEFAULT_AXES = ("c", "x", "y", "z")


@dataclass(frozen=True)
class Channel:
    """What a format says of one channel."""

    name: str | None = None
    view: JsonObject | None = None


@dataclass(frozen=True)
class ArrayLayer:
    """A layer to be: arrays of one content in several mags, finest first, and what is known."""

    name: str
    arrays: Sequence[tuple[Mag, StoredArray]]
    axes: tuple[str, ...]
    category: Category | None = None
    transformations: tuple[CoordinateTransformation, ...] = ()

    def as_layer(self) -> Layer | None:
        """One layer with all channels; None, and reported, for voxels without element class."""
        return self._layer(self._channels, Channel(), None)

    def as_layer_per_channel(self, channels: Sequence[Channel], is_rgb: bool) -> list[Layer]:
        """A layer for each channel, or one for all where `is_rgb`, with the names and views given.

        A channel without a name of its own gets this layer's, with its number.
        """
        count = self._channels
        described = [*channels, *[Channel()] * count][:count]
        if count == 1 or is_rgb:
            one = Channel() if is_rgb else described[0]
            named = replace(self, name=one.name or self.name)
            layers = [named._layer(count, one, None)]
        else:
            layers = [
                replace(self, name=channel.name or f"{self.name}_{index}")._layer(1, channel, index)
                for index, channel in enumerate(described)
            ]
        return [layer for layer in layers if layer is not None]

    @property
    def _channels(self) -> int:
        shape = self.arrays[0][1].shape
        return shape[self.axes.index("c")] if "c" in self.axes else 1

    def _layer(self, channels: int, channel: Channel, index: int | None) -> Layer | None:
        arrays = self._consistent_arrays()
        finest_mag, finest = arrays[0]
        element_class = element_class_of(finest.folder, finest, channels)
        if element_class is None:
            return None
        if self.category is Category.SEGMENTATION:
            element_class = unsigned(element_class)
        name = layer_name(self.name)
        return Layer(
            name=name,
            category=self.category or guessed_category(name, element_class, channels),
            # The coarser mags are rounded up and would only add an empty border.
            bounding_box=BoundingBox.of((0, 0, 0), self._size(finest)).from_mag(finest_mag),
            element_class=element_class,
            data_format=finest.data_format,
            mags=tuple(
                MagProperties(
                    mag=mag,
                    path=array.folder.relative or ".",
                    axis_order=axis_order(self.axes),
                    channel_index=index,
                )
                for mag, array in arrays
            ),
            num_channels=channels,
            additional_axes=tuple(
                AdditionalAxis(name=axis, bounds=(0, finest.shape[place]), index=place)
                for place, axis in enumerate(self.axes)
                if axis not in DEFAULT_AXES
            ),
            coordinate_transformations=self.transformations,
            default_view_configuration=channel.view or {},
        )

    def _size(self, array: StoredArray) -> Vec3Int:
        lengths = dict(zip(self.axes, array.shape, strict=True))
        return lengths["x"], lengths["y"], lengths.get("z", 1)

    def _consistent_arrays(self) -> list[tuple[Mag, StoredArray]]:
        finest = self.arrays[0][1]
        kept: list[tuple[Mag, StoredArray]] = []
        for mag, array in self.arrays:
            differs = array.dtype != finest.dtype or len(array.shape) != len(finest.shape)
            if differs or array.data_format is not finest.data_format:
                array.folder.problem(
                    f"The array {array.folder.shown} has another voxel type, format or number of "
                    f"axes than {finest.folder.shown} and is left out."
                )
            elif mag in (kept_mag for kept_mag, _ in kept):
                array.folder.problem(
                    f"The array {array.folder.shown} is a second mag {mag.literal} and is left out."
                )
            else:
                kept.append((mag, array))
        return kept


def axis_order(axes: tuple[str, ...]) -> dict[str, int]:
    """The places of c, x, y, z, or empty where the axes are just these in this order."""
    if axes == DEFAULT_AXES:
        return {}
    return {axis: place for place, axis in enumerate(axes) if axis in DEFAULT_AXES}


def element_class_of(folder: Folder, array: StoredArray, channels: int) -> ElementClass | None:
    try:
        return ElementClass.of(array.dtype, channels)
    except ValueError as error:
        folder.problem(f"The array {folder.shown} can't be shown: {error}.")
        return None


def unsigned(element_class: ElementClass) -> ElementClass:
    """Segment ids are never negative, whatever type they were written as."""
    if element_class.is_integer and element_class.is_signed:
        return ElementClass(f"u{element_class.value}")
    return element_class


def guessed_category(name: str, element_class: ElementClass, channels: int) -> Category:
    """Color or segmentation by the layer's name, else by the voxels: wide integers are ids."""
    lowered = name.lower()
    if "color" in lowered or not element_class.is_integer:
        return Category.COLOR
    if "segmentation" in lowered or lowered == "labels":
        return Category.SEGMENTATION
    is_wide = element_class.bits > 16
    return Category.SEGMENTATION if is_wide and channels == 1 else Category.COLOR


def layer_name(text: str) -> str:
    """The text with all characters replaced that layer names may not have."""
    return re.sub(r"[^A-Za-z0-9_$@\-.]", "_", text).lstrip(".") or "layer"


def unique_names(layers: Sequence[Layer]) -> list[Layer]:
    """The layers with `_2`, `_3` ... after names that came before."""
    taken: set[str] = set()
    renamed: list[Layer] = []
    for layer in layers:
        name, number = layer.name, 1
        while name in taken:
            number += 1
            name = f"{layer.name}_{number}"
        taken.add(name)
        renamed.append(layer.renamed(name))
    return renamed


def translation(offset: Vec3Float) -> tuple[CoordinateTransformation, ...]:
    """The transformation that moves a layer by `offset` voxels; none for no offset."""
    if not any(offset):
        return ()
    x, y, z = offset
    matrix = ((1.0, 0.0, 0.0, x), (0.0, 1.0, 0.0, y), (0.0, 0.0, 1.0, z), (0.0, 0.0, 0.0, 1.0))
    return (CoordinateTransformation(type="affine", matrix=matrix),)
