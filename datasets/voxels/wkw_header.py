"""The 16 bytes at the start of `header.wkw` and of every WKW file, parsed and validated.

Layout: https://github.com/scalableminds/webknossos-wrap, "The WKW format": `WKW`, version 1,
lengths of file and block as powers of two, block type, voxel type, bytes per voxel, data offset.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from datasets.voxels.limits import MAX_CHUNK_BYTES

HEADER_BYTES: Final = 16
_JUMP_TABLE_ENTRY_BYTES: Final = 8
_LAYOUT: Final = struct.Struct("<3sBBBBBQ")
_VOXEL_TYPES: Final = {
    1: "u1", 2: "<u2", 3: "<u4", 4: "<u8", 5: "<f4", 6: "<f8", 7: "i1", 8: "<i2", 9: "<i4",
    10: "<i8",
}  # fmt: skip


class BlockType(enum.IntEnum):
    """How the voxels of a block are written; LZ4HC decodes as LZ4 does."""

    RAW = 1
    LZ4 = 2
    LZ4HC = 3


@dataclass(frozen=True, slots=True)
class WkwHeader:
    """Lengths are per dimension: a file has `file_len` blocks, a block `block_len` voxels."""

    file_len: int
    block_len: int
    block_type: BlockType
    dtype: np.dtype[Any]
    num_channels: int
    data_offset: int

    @property
    def block_bytes(self) -> int:
        """Decoded size of a block."""
        return self.block_len**3 * self.num_channels * self.dtype.itemsize

    @property
    def first_block_offset(self) -> int:
        """Where the blocks of a file can begin at the earliest."""
        if self.block_type is BlockType.RAW:
            return HEADER_BYTES
        return HEADER_BYTES + self.file_len**3 * _JUMP_TABLE_ENTRY_BYTES

    def describes_same_voxels(self, other: WkwHeader) -> bool:
        """Whether both agree on everything but the data offset, which is each file's own."""
        mine = (self.file_len, self.block_len, self.block_type, self.dtype, self.num_channels)
        return mine == (
            other.file_len,
            other.block_len,
            other.block_type,
            other.dtype,
            other.num_channels,
        )


def parse_header(data: bytes) -> WkwHeader:
    """Parse the first 16 bytes of a file; ValueError says what is wrong with them."""
    if len(data) < HEADER_BYTES:
        raise ValueError(f"it has {len(data)} bytes, but a WKW header has {HEADER_BYTES}")
    magic, version, lengths, block_type, voxel_type, voxel_bytes, data_offset = _LAYOUT.unpack(
        data[:HEADER_BYTES]
    )
    if magic != b"WKW":
        raise ValueError("it does not begin with WKW")
    if version != 1:
        raise ValueError(f"it has WKW version {version}, but only version 1 is known")
    if block_type not in set(BlockType):
        raise ValueError(f"its block type {block_type} is unknown")
    if voxel_type not in _VOXEL_TYPES:
        raise ValueError(f"its voxel type {voxel_type} is unknown")
    dtype = np.dtype(_VOXEL_TYPES[voxel_type])
    if voxel_bytes == 0 or voxel_bytes % dtype.itemsize:
        raise ValueError(f"its voxels of {voxel_bytes} bytes are no whole number of {dtype.name}")
    header = WkwHeader(
        file_len=1 << (lengths >> 4),
        block_len=1 << (lengths & 0x0F),
        block_type=BlockType(block_type),
        dtype=dtype,
        num_channels=voxel_bytes // dtype.itemsize,
        data_offset=data_offset,
    )
    if header.block_bytes > MAX_CHUNK_BYTES:
        raise ValueError(f"its blocks of {header.block_len} voxels a side are too large to read")
    return header
