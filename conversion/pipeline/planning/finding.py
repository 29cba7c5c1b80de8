"""What lies in a file, a folder or a dataset, as people are told it and as plans are made of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from conversion.pipeline.planning.names import distinct
from conversion.pipeline.sources import Source
from conversion.readers.series import SeriesProblem
from datasets.properties import Category, Vec3Int, VoxelSize
from datasets.properties.record import JsonObject


@dataclass(frozen=True)
class FoundImage:
    """An image of a file or folder, or a layer of a dataset."""

    name: str
    format: str
    """As people call it: "TIFF", "Zarr v3"."""
    shape: Vec3Int
    """x, y, z in voxels."""
    element_type: str
    """Of one channel: "uint8", or "RGB uint8"."""
    channels: tuple[str, ...]
    """Their names; empty for those without one."""
    axes: tuple[tuple[str, int], ...]
    """Name and length of each additional axis."""
    voxel_size: VoxelSize | None
    voxel_size_source: str
    """Where it stands, to follow "from"."""
    files: int | None
    stored_bytes: int | None
    """Both None of datasets, whose files nobody counted."""


@dataclass(frozen=True)
class FoundLayer:
    """What can become a layer: a whole image, or a channel of one."""

    name: str
    """A valid name, which no other layer that was found has."""
    image: FoundImage
    source: Source
    category: Category
    category_reason: str = ""
    """Why it is taken for a segmentation, to follow "by"."""
    offset: Vec3Int = (0, 0, 0)
    view: JsonObject = field(default_factory=dict)
    called: str = ""
    """What the files call it, where its name does not show that."""


def with_distinct_names(layers: Iterable[FoundLayer]) -> tuple[FoundLayer, ...]:
    """The layers; of those with one name all but the first get another."""
    layers = tuple(layers)
    return tuple(
        layer
        if layer.name == name
        else replace(layer, name=name, called=layer.called or layer.image.name)
        for name, layer in zip(distinct(layer.name for layer in layers), layers, strict=True)
    )


@dataclass(frozen=True)
class Finding:
    """All that was found; `problems` stand for slices that are in no layer yet."""

    path: Path
    images: tuple[FoundImage, ...]
    layers: tuple[FoundLayer, ...]
    problems: tuple[SeriesProblem, ...] = ()
    notes: tuple[str, ...] = ()
