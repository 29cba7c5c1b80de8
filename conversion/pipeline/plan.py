"""What a conversion will write, decided before a voxel is decoded.

Every process that takes part makes the same plan from the same source and options; `fingerprint`
tells whether it did, and whether a conversion that stopped may be gone on with.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from conversion.pipeline.filters import Filter
from conversion.pipeline.sources import Source
from conversion.pipeline.zstd import ZstdProfile
from datasets.properties import Category, DataFormat, Mag, Vec3Int, VoxelSize
from datasets.properties.record import JsonObject

OutputFormat = Literal[DataFormat.ZARR3, DataFormat.WKW]


@dataclass(frozen=True)
class PlannedLayer:
    """A layer as it will be written; shapes and the offset are voxels of mag 1 in x, y, z."""

    name: str
    category: Category
    source: Source
    mags: tuple[Mag, ...]
    """From the finest, which the source is in, to the coarsest."""
    filter: Filter
    data_format: OutputFormat
    profile: ZstdProfile
    axes: tuple[tuple[str, int], ...] = ()
    """Name and length of each additional axis, the outermost first."""
    offset: Vec3Int = (0, 0, 0)
    """Where the layer's bounding box begins."""
    chunk_shape: Vec3Int = (32, 32, 32)
    shard_shape: Vec3Int | None = None
    """Of all mags; None for the public library's choice."""
    view: JsonObject = field(default_factory=dict)
    """Its default view configuration."""

    @property
    def shape(self) -> Vec3Int:
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    @property
    def num_channels(self) -> int:
        return self.source.num_channels

    def description(self) -> dict[str, Any]:
        """All that decides what is written, as JSON."""
        files = [(str(file), file.stat()) for file in self.source.files]
        return {
            "name": self.name,
            "category": self.category.value,
            "origin": self.source.origin,
            "shape": self.shape,
            "dtype": self.dtype.name,
            "num_channels": self.num_channels,
            "mags": [mag.literal for mag in self.mags],
            "filter": self.filter.value,
            "data_format": self.data_format.value,
            "profile": self.profile.value,
            "axes": self.axes,
            "offset": self.offset,
            "chunk_shape": self.chunk_shape,
            "shard_shape": self.shard_shape,
            "view": self.view,
            "files": [(name, found.st_size, found.st_mtime_ns) for name, found in files],
        }


@dataclass(frozen=True)
class Plan:
    """A dataset as it will be written."""

    voxel_size: VoxelSize
    voxel_size_source: str
    """Where the voxel size stands, to follow "from": "the OME-XML", "the command line"."""
    layers: tuple[PlannedLayer, ...]
    notes: tuple[str, ...] = field(default=())
    """Sentences for the person who brought the files."""
    name: str = ""
    """Of the dataset, in its properties file; empty for that of its directory."""

    @property
    def fingerprint(self) -> str:
        """Equal for equal outputs from unchanged files. Raises OSError where a file is gone."""
        factor, unit = self.voxel_size.factor, self.voxel_size.unit.value
        layers = [layer.description() for layer in self.layers]
        described = {"name": self.name, "voxel_size": [factor, unit], "layers": layers}
        text = json.dumps(described, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
