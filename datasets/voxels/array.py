"""The one protocol behind which every format is read: what a mag holds, boxes of it, stored chunks.

Axes are always in the order c, x, y, z; what else an array has (time, for example) is an
additional axis, addressed by name.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from datasets.voxels.box import Box
from datasets.voxels.errors import BoxTooLarge

if TYPE_CHECKING:
    from pathlib import Path

    from datasets.voxels.shards import ShardLayout

Voxels = np.ndarray[tuple[int, int, int, int], np.dtype[Any]]
Vec4 = tuple[int, int, int, int]

_RGB = 3
MAX_BOX_BYTES = 256 * 2**20
# The coarsest bound on work rather than memory: a plane of 16384 x 16384 voxels in chunks of 16.
MAX_BOX_CHUNKS = 2**20


@dataclass(frozen=True, slots=True)
class AdditionalAxis:
    """An axis beside c, x, y, z: how long it is, and how many of its indices one chunk holds."""

    name: str
    size: int
    chunk_size: int


@dataclass(frozen=True, slots=True)
class ByteCodec:
    """One step from an array's bytes to the stored bytes, in the words of Zarr v3.

    Names are those of the Zarr v3 specification (`blosc`, `gzip`, `zstd`, `crc32c`) with its
    configuration, also where the array is stored as Zarr v2; `zlib` and `bz2` exist in v2 only.
    """

    name: str
    configuration: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChunkCodec:
    """How the bytes of every stored chunk come about, enough to present them in another dialect.

    A chunk is an array of `shape` along `axes`, written in C order (the last of `axes` varies
    fastest) as elements of `dtype` (byte order included), then taken through `steps` in turn.
    """

    axes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    steps: tuple[ByteCodec, ...]


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """Where encoded bytes lie: `length` bytes of the file `path` from `offset`."""

    path: Path
    offset: int
    length: int


StoredChunk = bytes | StoredBytes
"""An encoded chunk: where its bytes lie or, where these lack what makes them a chunk for others
(a header, for example), the bytes themselves.
"""


@dataclass(frozen=True, slots=True)
class ChunkFileNames:
    """How the files of chunks are named: `prefix`, then the chunk's number along each of `axes`
    with `separator` between, all below `directory`. With `shard`, files hold many chunks each, and
    the numbers are the shard's.
    """

    directory: Path
    prefix: str
    axes: tuple[str, ...]
    separator: str
    shard: ShardLayout | None = None


def as_index(channels: Sequence[int]) -> slice | list[int]:
    """Return an index for these channels, a slice (which copies nothing) where it can be one."""
    if isinstance(channels, range) and channels.step == 1:
        return slice(channels.start, channels.stop)
    return list(channels)


class VoxelArray(ABC):
    """One mag of one layer. Instances are safe to share between threads.

    `dtype` is little-endian. `chunk_shape` (c, x, y, z) is the smallest unit that can be read
    without reading more; the grid of chunks starts at voxel 0, 0, 0 where `codec` is set.
    `fill_value` stands for every voxel that is stored nowhere. `codec` is None where stored
    chunks can't be handed on as they are.
    """

    dtype: np.dtype[Any]
    num_channels: int
    chunk_shape: Vec4
    additional_axes: tuple[AdditionalAxis, ...] = ()
    fill_value: np.generic
    codec: ChunkCodec | None = None

    @property
    @abstractmethod
    def extent(self) -> Box:
        """The box outside of which nothing is stored, in this mag's voxels."""

    @property
    def shape(self) -> Vec4:
        """Length along c, x, y, z, counted from 0: the end of `extent`, not its size."""
        return (self.num_channels, *self.extent.end)

    @property
    def element_class(self) -> str:
        """The element class that describes these voxels in datasource-properties.json."""
        if self.dtype == np.uint8 and self.num_channels == _RGB:
            return "uint24"
        return {"float32": "float", "float64": "double"}.get(self.dtype.name, self.dtype.name)

    def read(
        self,
        box: Box,
        *,
        channels: Sequence[int] | None = None,
        additional: Mapping[str, int] | None = None,
        max_bytes: int = MAX_BOX_BYTES,
    ) -> Voxels:
        """Return the voxels of `box` as an array (c, x, y, z).

        It is in Fortran order (x varies faster than z) where the stored chunks are.

        `box` is in this mag's voxels, may lie anywhere and may be empty; what is not stored is
        `fill_value`. `channels` picks channels (all by default), `additional` gives the index on
        every additional axis.

        Raises BoxTooLarge before anything is read, VoxelsBroken where stored bytes can't be
        decoded, ValueError for a box, channel or axis that can't exist.
        """
        if min(box.size) < 0:
            raise ValueError(f"A box can't have the negative size {box.size}.")
        wanted = self._checked_channels(channels)
        indices = self._additional_indices(additional or {})
        self._check_bytes(box, len(wanted), max_bytes)
        inside = box.clipped(self.extent)
        self._check_chunks(inside, len(wanted))

        exists = all(
            0 <= index < axis.size
            for index, axis in zip(indices, self.additional_axes, strict=True)
        )
        if inside == box and exists and box.volume and wanted:
            return self._read_inside(box, wanted, indices)
        voxels = np.full((len(wanted), *box.size), self.fill_value, self.dtype, order="F")
        if inside.volume and exists and wanted:
            where = (slice(None), *inside.slices_in(box))
            voxels[where] = self._read_inside(inside, wanted, indices)
        return voxels

    def stored_chunk(
        self, chunk: Vec4, *, additional: Mapping[str, int] | None = None
    ) -> StoredChunk | None:
        """Return one chunk as `codec` describes it, None where it is absent (all `fill_value`).

        `chunk` counts chunks of `chunk_shape` along c, x, y, z, `additional` chunks along the
        additional axes. Raises VoxelsBroken where the file that should tell can't be read, and
        ValueError where `codec` is None.
        """
        if self.codec is None:
            raise ValueError("The chunks of this array can't be handed on: it has no codec.")
        indices = self._additional_indices(additional or {})
        lengths = (*self.shape, *(axis.size for axis in self.additional_axes))
        sizes = (*self.chunk_shape, *(axis.chunk_size for axis in self.additional_axes))
        counts = zip((*chunk, *indices), lengths, sizes, strict=True)
        if not all(0 <= index * size < length for index, length, size in counts):
            return None
        return self._locate(chunk, indices)

    def chunk_file_names(self) -> ChunkFileNames | None:
        """How the files of chunks are named, None where chunks can't be found without decoding."""
        return None

    @abstractmethod
    def _read_inside(
        self, box: Box, channels: Sequence[int], additional: tuple[int, ...]
    ) -> Voxels:
        """Read a box that is not empty and lies inside `extent`; everything else is checked."""

    def _locate(self, chunk: Vec4, additional: tuple[int, ...]) -> StoredChunk | None:
        """Find a chunk that lies in the grid; arrays with a codec implement it."""
        raise NotImplementedError

    def _checked_channels(self, channels: Sequence[int] | None) -> Sequence[int]:
        if channels is None:
            return range(self.num_channels)
        for channel in channels:
            if not 0 <= channel < self.num_channels:
                raise ValueError(f"There is no channel {channel} among {self.num_channels}.")
        return channels

    def _additional_indices(self, additional: Mapping[str, int]) -> tuple[int, ...]:
        names = [axis.name for axis in self.additional_axes]
        if set(additional) != set(names):
            raise ValueError(f"An index is needed on exactly these additional axes: {names}.")
        return tuple(additional[name] for name in names)

    def _check_bytes(self, box: Box, num_channels: int, max_bytes: int) -> None:
        size = box.volume * num_channels * self.dtype.itemsize
        if size > max_bytes:
            raise BoxTooLarge(
                f"A box of {' x '.join(map(str, box.size))} voxels has {size:,} bytes, but one "
                f"read gives at most {max_bytes:,}: ask for smaller boxes or a coarser mag."
            )

    def _check_chunks(self, box: Box, num_channels: int) -> None:
        channel_size, *sizes = self.chunk_shape
        touched = -(-num_channels // channel_size) * math.prod(
            (end - 1) // size - start // size + 1
            for start, end, size in zip(box.offset, box.end, sizes, strict=True)
        )
        if touched > MAX_BOX_CHUNKS:
            raise BoxTooLarge(
                f"A box of {' x '.join(map(str, box.size))} voxels lies in {touched:,} stored "
                f"chunks, but one read opens at most {MAX_BOX_CHUNKS:,}: ask for smaller boxes."
            )
