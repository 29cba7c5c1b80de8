"""A mag as a sharded Zarr v3 array on local disk: its `zarr.json` and its shards.

Axes, chunks and codecs are those which the public Python library writes: c, x, y, z, stored with
`transpose` so that x is contiguous, then zstd, in shards of many chunks.
"""

import json
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np

from conversion.pipeline.chunk_file import ChunkFile
from conversion.pipeline.geometry import ceil_divide, minimum, multiply
from conversion.pipeline.mag_writer import ArrayLayout, MagWriter
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


class ZarrArray:
    """An array of shape (c, x, y, z) at `directory`, in the public library's chunks and shards.

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
    ) -> None:
        """`shape` and `largest_shard` are in voxels, x, y, z."""
        needed = multiply(ceil_divide(shape, CHUNK_SHAPE), CHUNK_SHAPE)
        self.directory = directory
        self.layout = ArrayLayout(
            shape=shape,
            dtype=dtype,
            num_channels=num_channels,
            chunk_shape=CHUNK_SHAPE,
            file_shape=minimum(needed, largest_shard),
        )
        self._profile = profile

    def writer(self, pool: Executor) -> MagWriter:
        """Writes chunks; several processes may each write shards of their own."""

        def open_file(position: Vec3Int) -> ChunkFile:
            x, y, z = position
            return ShardWriter(self.directory / f"c/0/{x}/{y}/{z}", self.layout.chunks_per_file)

        encode = ZstdEncoder(self._profile, self.layout.chunk_bytes)
        return MagWriter(self.layout, encode=encode, open_file=open_file, pool=pool)

    def write_metadata(self) -> None:
        """Write `zarr.json`, from which on readers see an array."""
        write_metadata(self.directory, self.metadata())

    def metadata(self) -> dict[str, Any]:
        """The array's `zarr.json`. Source: Zarr v3 core and its codec `sharding_indexed`."""
        channels = self.layout.num_channels
        zstd = {"level": self._profile.level, "checksum": True}
        sharding = {
            "chunk_shape": [channels, *self.layout.chunk_shape],
            "codecs": [
                {"name": "transpose", "configuration": {"order": [3, 2, 1, 0]}},
                _BYTES,
                {"name": "zstd", "configuration": zstd},
            ],
            "index_codecs": [_BYTES, {"name": "crc32c"}],
            "index_location": "end",
        }
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": [channels, *self.layout.shape],
            "data_type": self.layout.dtype.name,
            "dimension_names": ["c", "x", "y", "z"],
            "chunk_grid": {
                "name": "regular",
                "configuration": {"chunk_shape": [channels, *self.layout.file_shape]},
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
