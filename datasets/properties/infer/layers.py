"""Making layers of arrays of known axes: channels, element class, category, name and box."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from datasets.properties.element_class import ElementClass
from datasets.properties.geometry import BoundingBox, Mag, Vec3Float, Vec3Int
from datasets.properties.infer.arrays import StoredArray
from datasets.properties.model import (
    AdditionalAxis,
    Category,
    CoordinateTransformation,
    Layer,
    MagProperties,
)
from datasets.properties.record import JsonObject

CHANNEL_LIMIT = 100  # channels of an array that become layers
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

    def as_layers(
        self, channels: Sequence[Channel] = (), *, may_be_rgb: bool = True
    ) -> list[Layer]:
        """A layer for each channel, or one for all of RGB; `channels` describes them.

        Empty, and reported, for voxels without element class; empty where no array is left.
        """
        if not self.arrays:
            return []
        count = self._channel_count
        is_rgb = may_be_rgb and count == 3 and self.arrays[0][1].dtype == "uint8"
        layer = self._layer(3 if is_rgb else 1, is_image=bool(channels) or count > 1)
        if layer is None:
            return []
        if count > CHANNEL_LIMIT:
            self.arrays[0][1].folder.problem(
                f"Of the {count} channels of {self.name!r} only {CHANNEL_LIMIT} became layers."
            )
        return [layer] if is_rgb else layer_per_channel(layer, count, channels)

    @property
    def _channel_count(self) -> int:
        shape = self.arrays[0][1].shape
        return shape[self.axes.index("c")] if "c" in self.axes else 1

    def _layer(self, channels: int, *, is_image: bool) -> Layer | None:
        arrays = self._consistent_arrays()
        finest_mag, finest = arrays[0]
        try:
            element_class = ElementClass.of(finest.dtype, channels)
        except ValueError as error:
            finest.folder.problem(f"The array {finest.folder.shown} can't be shown: {error}.")
            return None
        if self.category is Category.SEGMENTATION:
            element_class = unsigned(element_class)
        name = layer_name(self.name)
        return Layer(
            name=name,
            category=self.category or guessed_category(name, element_class, is_image=is_image),
            # The coarser mags are rounded up and would only add an empty border.
            bounding_box=BoundingBox.of((0, 0, 0), self._size(finest)).from_mag(finest_mag),
            element_class=element_class,
            data_format=finest.data_format,
            mags=tuple(
                MagProperties(
                    mag=mag,
                    path=array.folder.relative or ".",
                    axis_order=axis_order(self.axes),
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


def layer_per_channel(layer: Layer, count: int, channels: Sequence[Channel] = ()) -> list[Layer]:
    """The layer of an array of `count` channels once for each of them.

    A channel without a name of its own gets the layer's, with its number if there are several.
    """
    shown = min(count, CHANNEL_LIMIT)
    described = [*channels, *[Channel()] * shown][:shown]
    return [
        layer.model_copy(
            update={
                "name": layer_name(
                    channel.name or (f"{layer.name}_{index}" if count > 1 else layer.name)
                ),
                "mags": tuple(
                    mag.model_copy(update={"channel_index": index if count > 1 else None})
                    for mag in layer.mags
                ),
                "default_view_configuration": channel.view or {},
            }
        )
        for index, channel in enumerate(described)
    ]


def unsigned(element_class: ElementClass) -> ElementClass:
    """Segment ids are never negative, whatever type they were written as."""
    if element_class.is_integer and element_class.is_signed:
        return ElementClass(f"u{element_class.value}")
    return element_class


def guessed_category(name: str, element_class: ElementClass, *, is_image: bool) -> Category:
    """Color or segmentation by the layer's name, else by the voxels: wide integers are ids.

    `is_image` says that the channels speak against ids.
    """
    lowered = name.lower()
    if "color" in lowered or not element_class.is_integer:
        return Category.COLOR
    if "segmentation" in lowered or lowered == "labels":
        return Category.SEGMENTATION
    is_wide = element_class.bits > 16
    return Category.SEGMENTATION if is_wide and not is_image else Category.COLOR


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
