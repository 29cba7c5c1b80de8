"""WKW: blocks of voxels in Morton order inside files of blocks, raw or LZ4.

Only the blocks that a box touches are read. Layout of a file: header, for compressed files a
table of where each block ends, then the blocks (x fastest, channels of a voxel side by side).
"""

from __future__ import annotations

import functools
import itertools
import os
import re
import stat
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import lz4.block
import numpy as np

from datasets.voxels.array import ByteCodec, ChunkCodec, Vec4, VoxelArray, Voxels, as_index
from datasets.voxels.blosc import blosc_around_copy, blosc_around_lz4
from datasets.voxels.box import Box
from datasets.voxels.errors import VoxelsBroken, VoxelsMissing
from datasets.voxels.file_start import read_start
from datasets.voxels.mag_files import MagFiles, open_found
from datasets.voxels.wkw_header import HEADER_BYTES, BlockType, WkwHeader, parse_header

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Smaller blocks would cost more as requests of their own than decoding them does.
_LEAST_BLOCK = 32
# No dialect has words for bare LZ4, but a Blosc chunk can hold it.
_LZ4_IN_BLOSC = ByteCodec("blosc", {"cname": "lz4", "shuffle": "noshuffle", "typesize": 1})
_JUMP_TABLE_ENTRY = struct.Struct("<Q")
_JUMP_TABLE_PAIR = struct.Struct("<QQ")


def open_wkw(files: MagFiles) -> WkwArray:
    """Open the WKW mag with these files, of which `header.wkw` is one."""
    try:
        data = read_start(files.directory / "header.wkw", HEADER_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        raise VoxelsMissing("header.wkw", "WKW") from None
    except OSError as error:
        raise VoxelsBroken("header.wkw", str(error.strerror)) from error
    try:
        return WkwArray(files, parse_header(data))
    except ValueError as error:
        raise VoxelsBroken("header.wkw", str(error)) from error


class WkwArray(VoxelArray):
    """A WKW mag. It declares no size: `extent` is what the files found at first use could hold."""

    def __init__(self, files: MagFiles, header: WkwHeader) -> None:
        self._files = files
        self._path = files.directory
        self._header = header
        self.dtype = header.dtype
        self.num_channels = header.num_channels
        block = header.block_len
        self.chunk_shape = (header.num_channels, block, block, block)
        self.fill_value = header.dtype.type(0)
        if block >= _LEAST_BLOCK:
            self.codec = ChunkCodec(
                axes=("z", "y", "x", "c"),
                shape=self.chunk_shape[::-1],
                dtype=header.dtype,
                steps=() if header.block_type is BlockType.RAW else (_LZ4_IN_BLOSC,),
            )

    @functools.cached_property
    def extent(self) -> Box:
        """From 0 to the end of the last file along each axis."""
        last_x = last_y = last_z = -1
        for z, z_path in _numbered(self._path, r"z(\d{1,9})"):
            for y, y_path in _numbered(z_path, r"y(\d{1,9})"):
                for x, _ in _numbered(y_path, r"x(\d{1,9})\.wkw"):
                    last_x, last_y, last_z = max(last_x, x), max(last_y, y), max(last_z, z)
        side = self._header.file_len * self._header.block_len
        return Box((0, 0, 0), ((last_x + 1) * side, (last_y + 1) * side, (last_z + 1) * side))

    def _read_inside(
        self, box: Box, channels: Sequence[int], additional: tuple[int, ...]
    ) -> Voxels:
        del additional  # the format has none
        picked = as_index(channels)
        voxels = np.zeros((len(channels), *box.size), self.dtype, order="F")
        file_side = self._header.file_len * self._header.block_len
        for x, y, z in itertools.product(
            *(_cuts(low, high, file_side) for low, high in zip(box.offset, box.end, strict=True))
        ):
            name = f"z{z.unit}/y{y.unit}/x{x.unit}.wkw"
            with _opened(self._files, name, self._header) as file:
                if file is not None:
                    part = voxels[:, x.outer, y.outer, z.outer]
                    self._read_file(file, (x.inner, y.inner, z.inner), picked, part)
        return voxels

    def _locate(self, chunk: Vec4, additional: tuple[int, ...]) -> bytes | None:
        del additional  # the format has none
        _, x, y, z = chunk
        length = self._header.file_len
        name = f"z{z // length}/y{y // length}/x{x // length}.wkw"
        with _opened(self._files, name, self._header) as file:
            if file is None:
                return None
            return file.encoded_block(_morton(x % length, y % length, z % length))

    def _read_file(
        self,
        file: _WkwFile,
        inside: tuple[slice, slice, slice],
        channels: slice | list[int],
        voxels: Voxels,
    ) -> None:
        """Fill `voxels` (c, x, y, z) with the part `inside` (x, y, z) of a file."""
        for x, y, z in itertools.product(
            *(_cuts(part.start, part.stop, self._header.block_len) for part in inside)
        ):
            data = file.read_block(_morton(x.unit, y.unit, z.unit))
            block = np.frombuffer(data, self.dtype).reshape(self.chunk_shape, order="F")
            wanted = block[channels, x.inner, y.inner, z.inner]
            voxels[:, x.outer, y.outer, z.outer] = wanted


class _WkwFile:
    """An open file of blocks whose header is known to agree with the mag's."""

    def __init__(self, descriptor: int, name: str, header: WkwHeader, size: int) -> None:
        self._descriptor = descriptor
        self._name = name
        self._header = header
        self._size = size

    def read_block(self, number: int) -> bytes:
        """Return the decoded bytes of the block at this place of the Morton order."""
        if self._header.block_type is BlockType.RAW:
            return self._read_raw(number)
        return self._decoded(number, self._read_lz4(number))

    def encoded_block(self, number: int) -> bytes | None:
        """Return that block as the array's codec describes it, None where it is known to be empty.

        Blocks that were never written lie in a raw file as zeros.
        """
        size = self._header.block_bytes
        if self._header.block_type is BlockType.RAW:
            block = self._read_raw(number)
            return None if block == bytes(size) else block
        stored = self._read_lz4(number)
        if len(stored) == size:
            return blosc_around_copy(self._decoded(number, stored))
        return blosc_around_lz4(stored, size)

    def _read_raw(self, number: int) -> bytes:
        size = self._header.block_bytes
        return self._read_bytes(self._header.data_offset + number * size, size)

    def _read_lz4(self, number: int) -> bytes:
        start, end = self._block_range(number)
        if end - start > _longest_lz4(self._header.block_bytes):
            raise VoxelsBroken(self._name, f"its block {number} is no valid LZ4")
        return self._read_bytes(start, end - start)

    def _decoded(self, number: int, stored: bytes) -> bytes:
        size = self._header.block_bytes
        try:
            block: bytes = lz4.block.decompress(stored, uncompressed_size=size)
        except lz4.block.LZ4BlockError:
            raise VoxelsBroken(self._name, f"its block {number} is no valid LZ4") from None
        if len(block) != size:
            raise VoxelsBroken(self._name, f"its block {number} decodes to too few voxels")
        return block

    def _block_range(self, number: int) -> tuple[int, int]:
        """Look the block up in the jump table, which holds the end of every block."""
        entry = HEADER_BYTES + number * _JUMP_TABLE_ENTRY.size
        if number == 0:
            start = self._header.data_offset
            (end,) = _JUMP_TABLE_ENTRY.unpack(self._read_bytes(entry, _JUMP_TABLE_ENTRY.size))
        else:
            before = entry - _JUMP_TABLE_ENTRY.size
            data = self._read_bytes(before, _JUMP_TABLE_PAIR.size)
            start, end = _JUMP_TABLE_PAIR.unpack(data)
        if not self._header.data_offset <= start < end <= self._size:
            raise VoxelsBroken(
                self._name,
                f"its jump table puts block {number} at bytes {start} to {end}, "
                f"but the file has {self._size} bytes",
            )
        return start, end

    def _read_bytes(self, start: int, length: int) -> bytes:
        if start + length > self._size:
            raise VoxelsBroken(
                self._name,
                f"it ends after {self._size} bytes, but bytes up to {start + length} are needed",
            )
        data: bytes = os.pread(self._descriptor, length, start)
        if len(data) != length:
            raise VoxelsBroken(self._name, "it became shorter while it was read")
        return data


@contextmanager
def _opened(files: MagFiles, name: str, header: WkwHeader) -> Iterator[_WkwFile | None]:
    """Open one file of a mag; None where there is none."""
    found = files.find(name)
    if found is None:
        yield None
        return
    try:
        descriptor = open_found(found.path)
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    except OSError as error:
        raise VoxelsBroken(name, str(error.strerror)) from error
    try:
        own, size = _checked_header(descriptor, name, header)
        yield _WkwFile(descriptor, name, own, size)
    except OSError as error:
        raise VoxelsBroken(name, str(error.strerror)) from error
    finally:
        os.close(descriptor)


def _checked_header(descriptor: int, name: str, mag: WkwHeader) -> tuple[WkwHeader, int]:
    """Return a file's own header, which must agree with the mag's, and the file's size."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise VoxelsBroken(name, "it is not a regular file")
    try:
        own = parse_header(os.pread(descriptor, HEADER_BYTES, 0))
    except ValueError as error:
        raise VoxelsBroken(name, str(error)) from error
    if not own.describes_same_voxels(mag):
        raise VoxelsBroken(name, "its header contradicts header.wkw")
    if own.data_offset < own.first_block_offset:
        raise VoxelsBroken(name, "its header puts the voxels where header and table lie")
    return own, status.st_size


class _Cut(NamedTuple):
    """The part of a stretch that lies in one unit of a grid along one axis.

    `unit` is the unit's number, `inner` the part counted from the unit's start, `outer` the same
    part counted from the stretch's start.
    """

    unit: int
    inner: slice
    outer: slice


def _cuts(low: int, high: int, step: int) -> list[_Cut]:
    """Cut the stretch from `low` to `high` at the multiples of `step`."""
    cuts = []
    for unit in range(low // step, -(-high // step)):
        first, last = max(low, unit * step), min(high, (unit + 1) * step)
        inner = slice(first - unit * step, last - unit * step)
        cuts.append(_Cut(unit, inner, slice(first - low, last - low)))
    return cuts


def _morton(x: int, y: int, z: int) -> int:
    """Interleave the bits of x, y and z, those of x lowest."""
    # Binary digits read as octal ones are the bits spread to every third place.
    return int(f"{x:b}", 8) | int(f"{y:b}", 8) << 1 | int(f"{z:b}", 8) << 2


def _longest_lz4(size: int) -> int:
    """The most bytes that LZ4 makes of `size`.

    https://github.com/lz4/lz4/blob/dev/lib/lz4.h (LZ4_COMPRESSBOUND)
    """
    return size + size // 255 + 16


def _numbered(directory: Path, pattern: str) -> Iterator[tuple[int, Path]]:
    """Give the entries whose whole name matches, with the number in it."""
    matching = re.compile(pattern)
    try:
        entries = list(directory.iterdir())
    except NotADirectoryError:
        return
    except OSError as error:
        raise VoxelsBroken(directory.name, str(error.strerror)) from error
    for entry in entries:
        if match := matching.fullmatch(entry.name):
            yield int(match[1]), entry
