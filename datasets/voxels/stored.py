"""What the metadata of a chunked array says, whatever its format, in the array's own axis order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from datasets.voxels.array import ByteCodec, StoredBytes
from datasets.voxels.shards import ShardLayout, find_in_shard

if TYPE_CHECKING:
    from datasets.voxels.mag_files import MagFiles


@dataclass(frozen=True, slots=True)
class KeyEncoding:
    """How the position of a chunk becomes the path of its file."""

    prefix: tuple[str, ...]
    separator: str

    def key(self, position: tuple[int, ...]) -> str:
        return self.separator.join((*self.prefix, *map(str, position)))


@dataclass(frozen=True, slots=True)
class ChunkLocation:
    """Where encoded chunks lie: one in a file, or many in a shard."""

    keys: KeyEncoding
    shard: ShardLayout | None = None

    def file_name(self, position: tuple[int, ...]) -> str:
        """The name of the file that holds the chunk at this position of the grid."""
        return self.keys.key(self.shard.split(position)[0] if self.shard else position)

    def locate(self, files: MagFiles, position: tuple[int, ...]) -> StoredBytes | None:
        """Return where the chunk at this position of the grid lies, None where it is absent."""
        if self.shard is not None:
            shard, inner = self.shard.split(position)
            return find_in_shard(files, self.keys.key(shard), self.shard, inner)
        found = files.find(self.keys.key(position))
        return None if found is None else StoredBytes(found.path, 0, found.status.st_size)


@dataclass(frozen=True, slots=True)
class ChunkEncoding:
    """How a chunk is encoded; `dtype` has the stored byte order.

    `axes` are positions of the array's axes from the slowest to the fastest in a decoded chunk.
    """

    axes: tuple[int, ...]
    dtype: np.dtype[Any]
    steps: tuple[ByteCodec, ...]


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array as its metadata declares it, checked against the limits.

    `chunk` is the smallest unit that can be read, `origin` the coordinate of the first element,
    `spec` how tensorstore opens the array without reading the metadata again. `location` is None
    where chunks can't be found without decoding others, `encoding` where they can't be handed on.
    Where `location` is None, `file_name` may still name the file of the chunk at a position.
    `blosc_offset` is where in a stored chunk its Blosc header begins, `names` the axes' names
    where the format fixes them.
    """

    metadata_file: str
    shape: tuple[int, ...]
    origin: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype[Any]
    fill_value: np.generic
    spec: dict[str, Any]
    location: ChunkLocation | None = None
    encoding: ChunkEncoding | None = None
    file_name: Callable[[tuple[int, ...]], str] | None = None
    blosc_offset: int | None = None
    names: tuple[str, ...] | None = None
