"""What the metadata of a chunked array says, whatever its format, in the array's own axis order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from datasets.voxels.array import ByteCodec, StoredBytes
from datasets.voxels.errors import VoxelsBroken
from datasets.voxels.shards import ShardLayout, find_in_shard

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class KeyEncoding:
    """How the position of a chunk becomes the path of its file."""

    prefix: tuple[str, ...]
    separator: str

    def key(self, position: tuple[int, ...]) -> str:
        return self.separator.join((*self.prefix, *map(str, position)))


@dataclass(frozen=True, slots=True)
class ChunkFiles:
    """Where encoded chunks lie and how they are encoded; `dtype` has the stored byte order.

    `axes` are positions of the array's axes from the slowest to the fastest in a decoded chunk.
    """

    keys: KeyEncoding
    shard: ShardLayout | None
    axes: tuple[int, ...]
    dtype: np.dtype[Any]
    steps: tuple[ByteCodec, ...]

    def locate(self, mag: Path, position: tuple[int, ...]) -> StoredBytes | None:
        """Return where the chunk at this position of the grid lies, None where it is absent."""
        if self.shard is not None:
            shard, inner = self.shard.split(position)
            return find_in_shard(mag, self.keys.key(shard), self.shard, inner)
        name = self.keys.key(position)
        path = mag / name
        try:
            return StoredBytes(path, 0, path.stat().st_size)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise VoxelsBroken(name, str(error.strerror)) from error


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array as its metadata declares it, checked against the limits.

    `chunk` is the smallest unit that can be read, `origin` the coordinate of the first element,
    `spec` how tensorstore opens the array without reading the metadata again. `chunks` is None
    where stored chunks can't be handed on, `names` the axes' names where the format fixes them.
    """

    metadata_file: str
    shape: tuple[int, ...]
    origin: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype[Any]
    fill_value: np.generic
    spec: dict[str, Any]
    chunks: ChunkFiles | None
    names: tuple[str, ...] | None = None
