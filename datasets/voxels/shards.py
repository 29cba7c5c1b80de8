"""Finding an inner chunk inside a Zarr v3 shard, with the indexes of recent shards kept.

The index is `(offset, length)` for every inner chunk in C order, at one end of the shard file:
https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html
"""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import google_crc32c
import numpy as np

from datasets.voxels.array import StoredBytes
from datasets.voxels.errors import VoxelsBroken
from datasets.voxels.mag_files import open_found

if TYPE_CHECKING:
    from pathlib import Path

    from datasets.voxels.mag_files import MagFiles

_ABSENT: Final = 2**64 - 1
_CRC_BYTES: Final = 4
_CACHE_BYTES: Final = 64 * 2**20

ShardIndex = np.ndarray[tuple[int, int], np.dtype[Any]]
# A shard that was replaced or appended to differs in at least one of these.
_ShardKey = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class ShardLayout:
    """How many inner chunks a shard has along each axis, and how its index is written."""

    chunks_per_shard: tuple[int, ...]
    index_at_end: bool
    index_dtype: np.dtype[Any]
    index_has_crc: bool

    @property
    def index_bytes(self) -> int:
        """Length of the stored index."""
        return math.prod(self.chunks_per_shard) * 16 + _CRC_BYTES * self.index_has_crc

    def split(self, position: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
        """Split a chunk's position into that of its shard and its number in the shard's index."""
        shard, number = [], 0
        for index, count in zip(position, self.chunks_per_shard, strict=True):
            shard.append(index // count)
            number = number * count + index % count
        return tuple(shard), number


class _IndexCache:
    """The indexes of the shards used last, up to a number of bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._indexes: OrderedDict[_ShardKey, ShardIndex] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: _ShardKey) -> ShardIndex | None:
        with self._lock:
            index = self._indexes.get(key)
            if index is not None:
                self._indexes.move_to_end(key)
            return index

    def put(self, key: _ShardKey, index: ShardIndex) -> None:
        with self._lock:
            if key not in self._indexes:
                self._indexes[key] = index
                self._bytes += index.nbytes
            while self._bytes > self._max_bytes and len(self._indexes) > 1:
                self._bytes -= self._indexes.popitem(last=False)[1].nbytes


_cache = _IndexCache(_CACHE_BYTES)


def find_in_shard(
    files: MagFiles, name: str, layout: ShardLayout, number: int
) -> StoredBytes | None:
    """Return where inner chunk `number` of the shard file `name` lies, None where it is absent.

    Raises VoxelsBroken where the index is cut, fails its checksum or points outside the file.
    """
    found = files.find(name)
    if found is None:
        return None
    path, status = found
    try:
        span = span_in_shard(path, status, name, layout, number)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise VoxelsBroken(name, str(error.strerror)) from error
    return None if span is None else StoredBytes(path, *span)


def span_in_shard(
    path: Path | str, status: os.stat_result, name: str, layout: ShardLayout, number: int
) -> tuple[int, int] | None:
    """The offset and length of inner chunk `number` in the shard at `path`, which has this status.

    None where the chunk is absent. Raises OSError, and VoxelsBroken as `find_in_shard` does.
    """
    key = (str(path), status.st_mtime_ns, status.st_size, status.st_ino)
    index = _cache.get(key)
    if index is None:
        index = _read_index(path, name, status.st_size, layout)
        _cache.put(key, index)
    offset, length = index[number].tolist()
    if offset == length == _ABSENT:
        return None
    if offset + length > status.st_size:
        raise VoxelsBroken(
            name,
            f"its index puts chunk {number} at bytes {offset} to {offset + length}, "
            f"but the file has {status.st_size} bytes",
        )
    return offset, length


def _read_index(path: Path | str, name: str, file_size: int, layout: ShardLayout) -> ShardIndex:
    size = layout.index_bytes
    if file_size < size:
        raise VoxelsBroken(
            name, f"it has {file_size} bytes, fewer than its index of {size} bytes needs"
        )
    with os.fdopen(open_found(path), "rb") as file:
        file.seek(file_size - size if layout.index_at_end else 0)
        data = file.read(size)
    if len(data) != size:
        raise VoxelsBroken(name, "it became shorter while it was read")
    if layout.index_has_crc:
        data, checksum = data[:-_CRC_BYTES], data[-_CRC_BYTES:]
        if google_crc32c.value(data) != int.from_bytes(checksum, "little"):
            raise VoxelsBroken(name, "the checksum of its index is wrong")
    return np.frombuffer(data, layout.index_dtype).reshape(-1, 2)
