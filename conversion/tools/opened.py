"""A dataset on this machine, opened for the tools: its properties, and its mags as arrays."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from conversion.tools.problem import ToolProblem
from datasets import properties
from datasets.properties import DataSource, Layer, Mag, MagProperties
from datasets.voxels.array import AdditionalAxis, VoxelArray
from datasets.voxels.box import Box
from datasets.voxels.errors import VoxelsError
from datasets.voxels.mag_files import MayRead
from datasets.voxels.open import open_mag

Locate = Callable[[Layer, MagProperties], Path]
"""The existing directory of a mag; raises an error whose text is a sentence."""


@dataclass(frozen=True)
class OpenedMag:
    """One mag of a layer and its voxels."""

    layer: Layer
    properties: MagProperties
    directory: Path
    array: VoxelArray

    @property
    def mag(self) -> Mag:
        return self.properties.mag

    @property
    def box(self) -> Box:
        """The layer's bounding box in voxels of this mag."""
        return box_in(self.layer, self.mag)

    @property
    def voxel_bytes(self) -> int:
        """The size of one voxel, all channels together."""
        return self.array.num_channels * self.array.dtype.itemsize

    @property
    def total_bytes(self) -> int:
        """The size of all voxels in the layer's bounding box, at all of its indices."""
        return self.box.volume * self.voxel_bytes * sum(1 for _ in self.indices())

    def indices(self) -> Iterator[Mapping[str, int]]:
        """Every combination of indices on the layer's additional axes; one empty where it has
        none.
        """
        bounds = {axis.name: range(*axis.bounds) for axis in self.layer.additional_axes}
        return _combined(
            {axis.name: bounds.get(axis.name, range(axis.size)) for axis in self._axes}
        )

    def stored_indices(self) -> Iterator[Mapping[str, int]]:
        """As `indices`, but all that are stored, also outside of the bounds of the axes."""
        return _combined({axis.name: range(axis.size) for axis in self._axes})

    @property
    def _axes(self) -> tuple[AdditionalAxis, ...]:
        return self.array.additional_axes


@dataclass(frozen=True)
class OpenedDataset:
    """A dataset's directory, what its properties say, and how to get at its mags."""

    directory: Path
    data_source: DataSource
    locate: Locate
    may_read: MayRead | None = None
    """Where links inside of mags may lead besides; nowhere else by default."""

    def layers(self, name: str | None = None) -> tuple[Layer, ...]:
        """The layer of this name, or all. Raises ToolProblem where there is none."""
        if name is None:
            return self.data_source.layers
        layer = self.data_source.layer(name)
        if layer is None:
            raise ToolProblem(
                f"The dataset {self.directory.name} has no layer '{name}'.",
                f"It has {_listed(each.name for each in self.data_source.layers)}.",
            )
        return (layer,)

    def mag(self, layer: Layer, mag: Mag) -> OpenedMag:
        """Open one mag of the layer. Raises ToolProblem where it is absent or can't be read."""
        found = next((each for each in layer.mags if each.mag == mag), None)
        if found is None:
            raise ToolProblem(
                f"Layer '{layer.name}' has no mag {mag.literal}.",
                f"It has {_listed(each.mag.literal for each in layer.mags)}.",
            )
        return self._opened(layer, found)

    def mags(self, layer: Layer) -> tuple[OpenedMag, ...]:
        """All mags of the layer, the finest first. Raises ToolProblem as `mag` does, and for a
        layer without any.
        """
        if not layer.mags:
            raise ToolProblem(f"Layer '{layer.name}' has no mags, so there is nothing to read.")
        ordered = sorted(layer.mags, key=lambda each: (max(each.mag), *each.mag))
        return tuple(self._opened(layer, each) for each in ordered)

    def _opened(self, layer: Layer, mag: MagProperties) -> OpenedMag:
        try:
            directory = self.locate(layer, mag)
            array = open_mag(
                directory,
                layer.data_format,
                axis_order=mag.axis_order or None,
                channel_index=mag.channel_index,
                element_class=layer.element_class,
                additional_axes={axis.name: axis.index for axis in layer.additional_axes},
                may_read=self.may_read,
            )
        except (VoxelsError, OSError) as error:
            raise ToolProblem(
                f"Mag {mag.mag.literal} of layer '{layer.name}' can't be opened: {error}"
            ) from error
        return OpenedMag(layer, mag, directory, array)


def open_dataset(directory: Path) -> OpenedDataset:
    """Open the dataset in a directory for somebody who may read all that it names.

    Raises ToolProblem where there is none, or its properties can't be used.
    """
    file = directory / properties.FILE_NAME
    try:
        data_source = properties.read(file)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ToolProblem(
            f"{directory} is no dataset: it has no {properties.FILE_NAME}.",
            "Name the directory that holds this file.",
        ) from error
    except properties.UnreadableProperties as error:
        raise ToolProblem(f"The dataset {directory} can't be opened. {error}") from error
    if found := properties.problems(data_source):
        raise ToolProblem(f"The dataset {directory} can't be used as it is.", " ".join(found))
    return OpenedDataset(
        directory, data_source, locate=_Locator(directory), may_read=lambda real_path: True
    )


def _combined(axes: Mapping[str, range]) -> Iterator[Mapping[str, int]]:
    for combination in product(*axes.values()):
        yield dict(zip(axes, combination, strict=True))


def box_in(layer: Layer, mag: Mag) -> Box:
    """The layer's bounding box in voxels of `mag`, grown to whole ones."""
    box = layer.bounding_box.in_mag(mag)
    return Box(box.top_left, box.size)


@dataclass(frozen=True)
class _Locator:
    """Where the properties in `directory` say that mags lie."""

    directory: Path

    def __call__(self, layer: Layer, mag: MagProperties) -> Path:
        names = [mag.path] if mag.path else layer.default_mag_paths(mag.mag)
        places = [self._place(name) for name in names]
        for place in places:
            if os.path.isdir(place):  # noqa: PTH112 (never raises, unlike Path.is_dir)
                return place
        raise ToolProblem(
            f"Mag {mag.mag.literal} of layer '{layer.name}' is not at {places[0]}.",
            "Restore it or correct its path in the properties.",
        )

    def _place(self, name: str) -> Path:
        local = re.sub(r"^file://", "", name)
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", local):
            raise ToolProblem(
                f"{name} is on another machine, and only data on this one can be worked on.",
                "Download the dataset first.",
            )
        return self.directory / local


def _listed(names: Iterator[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "none"
