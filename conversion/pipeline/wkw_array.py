"""A mag as WKW files on local disk: `header.wkw` and its cubes of LZ4 blocks.

Format: https://github.com/scalableminds/webknossos-wrap, "The WKW format".
"""

import os
import struct
from pathlib import Path
from typing import Any

import lz4.block
import numpy as np
from numpy.typing import NDArray

from conversion.pipeline.chunk_file import MISSING, ChunkFile
from conversion.pipeline.geometry import ceil_divide
from conversion.pipeline.mag_array import NO_INDEX, MagArray
from conversion.pipeline.mag_writer import ArrayLayout, Encode
from conversion.pipeline.part_file import PartFile
from datasets.properties import Vec3Int

BLOCK_LENGTH = 32
"""Voxels of a block per dimension; WEBKNOSSOS takes no other."""
LARGEST_FILE_LENGTH = 32
"""Blocks of a file per dimension."""
LARGEST_VOXEL_BYTES = 255
"""All channels of a voxel together; the header has one byte for it."""

HEADER_NAME = "header.wkw"
_HEADER = struct.Struct("<3sBBBBBQ")
_LZ4HC = 3
_VOXEL_TYPES = {
    "uint8": 1, "uint16": 2, "uint32": 3, "uint64": 4, "float32": 5, "float64": 6,
    "int8": 7, "int16": 8, "int32": 9, "int64": 10,
}  # fmt: skip


class WkwArray(MagArray):
    """A WKW dataset at `directory`: blocks of 32^3 voxels in cubes of up to 32^3 blocks.

    A file stores every block of its cube, also those outside of the array; so the cubes are the
    smallest (each dimension a power of two) that hold a small array in one file.
    """

    def __init__(
        self,
        directory: Path,
        *,
        shape: Vec3Int,
        dtype: np.dtype[Any],
        num_channels: int,
        largest_file_length: int = LARGEST_FILE_LENGTH,
    ) -> None:
        """`shape` is in voxels, x, y, z; `largest_file_length` a power of two, in blocks.

        Raises ValueError for voxels of more than 255 bytes.
        """
        voxel_bytes = num_channels * dtype.itemsize
        if voxel_bytes > LARGEST_VOXEL_BYTES:
            raise ValueError(
                f"{num_channels} channels of {dtype} make voxels of {voxel_bytes} bytes, WKW takes "
                f"{LARGEST_VOXEL_BYTES}; write the channels as layers of their own."
            )
        blocks = max(ceil_divide(shape, (BLOCK_LENGTH,) * 3))
        file_length = min(1 << (blocks - 1).bit_length(), largest_file_length)
        self.directory = directory
        self.layout = ArrayLayout(
            shape=shape,
            dtype=dtype,
            num_channels=num_channels,
            chunk_shape=(BLOCK_LENGTH,) * 3,
            file_shape=(BLOCK_LENGTH * file_length,) * 3,
        )

    def path_of(self, position: Vec3Int) -> Path:
        """The cube at a position of the grid of cubes, x, y, z."""
        x, y, z = position
        return self.directory / f"z{z}/y{y}/x{x}.wkw"

    def file(self, position: Vec3Int, index: tuple[int, ...] = NO_INDEX) -> ChunkFile:
        """WKW has no additional axes, so `index` is empty."""
        return WkwFile(self.path_of(position), self.layout)

    def encoder(self) -> Encode:
        return _compress

    def write_metadata(self) -> None:
        """Write `header.wkw`, from which on readers see an array."""
        with PartFile(self.directory / HEADER_NAME) as part:
            part.file.write(_header(self.layout, data_offset=0))
            part.publish()


class WkwFile(ChunkFile):
    """One cube of blocks: header, the end of each block (u64), the blocks in Morton order.

    Blocks come in any order, so they are spooled and put in order when the file is closed.
    """

    def __init__(self, path: Path, layout: ArrayLayout) -> None:
        super().__init__(path, layout.chunks_per_file)
        self._layout = layout

    def _publish(self, part: PartFile) -> None:
        index = self._index[_morton_order(self.grid[0])]
        empty = _compress(np.zeros(self._layout.chunk_bytes, np.uint8))
        is_empty = index[:, 0] == MISSING
        lengths = np.where(is_empty, len(empty), index[:, 1])
        data_offset = _HEADER.size + lengths.nbytes
        ends = data_offset + np.cumsum(lengths, dtype="<u8")
        part.file.flush()
        spool = part.file.fileno()
        with PartFile(self.path) as ordered:
            ordered.file.write(_header(self._layout, data_offset))
            ordered.file.write(ends.tobytes())
            for offset, length in index.tolist():
                block = empty if offset == MISSING else os.pread(spool, length, offset)
                ordered.file.write(block)
            ordered.publish()


def _header(layout: ArrayLayout, data_offset: int) -> bytes:
    file_bits = layout.chunks_per_file[0].bit_length() - 1
    block_bits = layout.chunk_shape[0].bit_length() - 1
    return _HEADER.pack(
        b"WKW",
        1,
        file_bits << 4 | block_bits,
        _LZ4HC,
        _VOXEL_TYPES[layout.dtype.name],
        layout.num_channels * layout.dtype.itemsize,
        data_offset,
    )


def _compress(block: NDArray[Any]) -> bytes:
    """LZ4HC without a size in front, as WKW wants it.

    Level 4: on segmentations ten times as fast as level 9 and half as large again; images of
    electron microscopes hardly shrink at any level.
    """
    compressed: bytes = lz4.block.compress(
        block, mode="high_compression", compression=4, store_size=False
    )
    return compressed


def _morton_order(file_length: int) -> NDArray[np.intp]:
    """The C-order number of the block (x, y, z) at each place of the file: bits z, y, x in turn."""
    morton = np.arange(file_length**3)
    x, y, z = np.zeros((3, file_length**3), np.intp)
    for bit in range(file_length.bit_length() - 1):
        x |= (morton >> 3 * bit & 1) << bit
        y |= (morton >> 3 * bit + 1 & 1) << bit
        z |= (morton >> 3 * bit + 2 & 1) << bit
    return (x * file_length + y) * file_length + z
