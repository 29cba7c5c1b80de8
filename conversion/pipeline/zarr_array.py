"""A mag as a sharded Zarr v3 array on local disk: its `zarr.json` and its shards.

Axes, chunks and codecs are those which the public Python library writes: c, x, y, z, after time and
other axes, stored with `transpose` so that x is contiguous, then zstd, in shards of many chunks.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from conversion.pipeline.chunk_file import ChunkFile
from conversion.pipeline.geometry import ceil_divide, floor_divide, minimum, multiply
from conversion.pipeline.mag_array import NO_INDEX, MagArray
from conversion.pipeline.mag_writer import ArrayLayout, Encode
from conversion.pipeline.part_file import PartFile
from conversion.pipeline.shard_writer import ShardWriter
from conversion.pipeline.zstd import ZstdEncoder, ZstdProfile
from datasets.properties import Vec3Int

CHUNK_SHAPE = (32, 32, 32)
FINEST_SHARD_SHAPE = (4096, 4096, 32)
"""As deep as one slab, so that shards of the finest mag are finished one after the other."""
COARSER_SHARD_SHAPE = (1024, 1024, 1024)

METADATA_NAME = "zarr.json"
_BYTES = {"name": "bytes", "configuration": {"endian": "little"}}


class ZarrArray(MagArray):
    """An array of shape (additional axes, c, x, y, z) at `directory`, of which a chunk holds one
    index of the additional axes and all channels.

    Shards are cut down to what covers the array: a shard's index lists all chunks that it could
    hold, and readers of a small array would else fetch half a megabyte of it for a few chunks.
    """

    def __init__(
        self,
        directory: Path,
        *,
        shape: Vec3Int,
        dtype: np.dtype[Any],
        num_channels: int,
        largest_shard: Vec3Int,
        profile: ZstdProfile,
        chunk_shape: Vec3Int = CHUNK_SHAPE,
        axes: tuple[tuple[str, int], ...] = (),
    ) -> None:
        """`shape`, `largest_shard` and `chunk_shape` are in voxels, x, y, z; `axes` are name and
        length of each additional axis, the outermost first.
        """
        needed = multiply(ceil_divide(shape, chunk_shape), chunk_shape)
        whole_chunks = multiply(floor_divide(largest_shard, chunk_shape), chunk_shape)
        self.directory = directory
        self.axes = axes
        self.layout = ArrayLayout(
            shape=shape,
            dtype=dtype,
            num_channels=num_channels,
            chunk_shape=chunk_shape,
            file_shape=minimum(needed, whole_chunks),
        )
        self._profile = profile

    def path_of(self, position: Vec3Int, index: tuple[int, ...] = NO_INDEX) -> Path:
        """The shard at a position of the grid of shards, x, y, z."""
        return self.directory.joinpath("c", *map(str, (*index, 0, *position)))

    def file(self, position: Vec3Int, index: tuple[int, ...] = NO_INDEX) -> ChunkFile:
        return ShardWriter(self.path_of(position, index), self.layout.chunks_per_file)

    def encoder(self) -> Encode:
        return ZstdEncoder(self._profile, self.layout.chunk_bytes)

    def write_metadata(self) -> None:
        """Write `zarr.json`, from which on readers see an array."""
        write_metadata(self.directory, self.metadata())

    def metadata(self) -> dict[str, Any]:
        """The array's `zarr.json`. Source: Zarr v3 core and its codec `sharding_indexed`."""
        channels = self.layout.num_channels
        names, lengths = [name for name, _ in self.axes], [length for _, length in self.axes]
        single = [1] * len(self.axes)
        order = list(reversed(range(len(self.axes) + 4)))
        zstd = {"level": self._profile.level, "checksum": True}
        sharding = {
            "chunk_shape": [*single, channels, *self.layout.chunk_shape],
            "codecs": [
                {"name": "transpose", "configuration": {"order": order}},
                _BYTES,
                {"name": "zstd", "configuration": zstd},
            ],
            "index_codecs": [_BYTES, {"name": "crc32c"}],
            "index_location": "end",
        }
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": [*lengths, channels, *self.layout.shape],
            "data_type": self.layout.dtype.name,
            "dimension_names": [*names, "c", "x", "y", "z"],
            "chunk_grid": {
                "name": "regular",
                "configuration": {"chunk_shape": [*single, channels, *self.layout.file_shape]},
            },
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0,
            "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
            "attributes": {},
        }


def write_metadata(directory: Path, metadata: dict[str, Any]) -> None:
    """Write the `zarr.json` of an array or group, whole or not at all."""
    with PartFile(directory / METADATA_NAME) as part:
        part.file.write(json.dumps(metadata, indent=2).encode())
        part.publish()
