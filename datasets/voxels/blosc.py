"""Blosc chunks, looked at before they are decoded, and made around LZ4 that is there already.

A decoder allocates the size that a chunk's own header names, up to 2 GiB, whatever the metadata
of the array says. https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final

from datasets.voxels.errors import VoxelsBroken
from datasets.voxels.limits import MAX_CHUNK_BYTES
from datasets.voxels.mag_files import open_found

if TYPE_CHECKING:
    from collections.abc import Iterable

    from datasets.voxels.mag_files import MagFiles
    from datasets.voxels.stored import ChunkLocation

# Version, version of the inner format, flags, size of an element; then the decoded size.
_HEADER: Final = struct.Struct("<4xI")
# The same, with the size of a block (here: of all) and of the whole chunk.
_WHOLE_HEADER: Final = struct.Struct("<BBBBIII")
# Where the only block begins, and its length.
_ONE_BLOCK: Final = struct.Struct("<II")
_VERSION: Final = 2
_LZ4_VERSION: Final = 1
_IS_COPIED, _IS_NOT_SPLIT, _IS_LZ4 = 0x02, 0x10, 0x20
_BYTES: Final = 1
_MAX_REMEMBERED: Final = 100_000


def blosc_around_lz4(block: bytes, size: int) -> bytes:
    """The Blosc chunk whose only block is this LZ4 block, which decodes to `size` bytes.

    An LZ4 block of exactly `size` bytes would be taken for one that is not compressed.
    """
    start = _WHOLE_HEADER.size + _ONE_BLOCK.size
    flags = _IS_LZ4 | _IS_NOT_SPLIT
    return b"".join((
        _WHOLE_HEADER.pack(_VERSION, _LZ4_VERSION, flags, _BYTES, size, size, start + len(block)),
        _ONE_BLOCK.pack(_WHOLE_HEADER.size + 4, len(block)),
        block,
    ))  # fmt: skip


def blosc_around_copy(data: bytes) -> bytes:
    """The Blosc chunk that holds these bytes uncompressed."""
    size, length = len(data), _WHOLE_HEADER.size + len(data)
    flags = _IS_LZ4 | _IS_COPIED
    header = _WHOLE_HEADER.pack(_VERSION, _LZ4_VERSION, flags, _BYTES, size, size, length)
    return header + data


class BloscCheck:
    """Refuses chunks that would decode to more than a chunk may have; looks at each once.

    `skipped` bytes come before the Blosc header: an N5 block's own header of the default mode 0.
    """

    def __init__(self, files: MagFiles, location: ChunkLocation, skipped: int) -> None:
        self._files = files
        self._location = location
        self._skipped = skipped
        self._checked: set[tuple[int, ...]] = set()

    def check(self, positions: Iterable[tuple[int, ...]]) -> None:
        """Raise VoxelsBroken where a chunk at one of these positions of the grid is too large."""
        for position in positions:
            if position not in self._checked:
                self._check_chunk(position)
                if len(self._checked) >= _MAX_REMEMBERED:
                    self._checked.clear()
                self._checked.add(position)

    def _check_chunk(self, position: tuple[int, ...]) -> None:
        stored = self._location.locate(self._files, position)
        if stored is None:
            return
        name = self._location.file_name(position)
        try:
            with os.fdopen(open_found(stored.path), "rb") as file:
                file.seek(stored.offset)
                start = file.read(self._skipped + _HEADER.size)
        except OSError as error:
            raise VoxelsBroken(name, str(error.strerror)) from error
        if len(start) < self._skipped + _HEADER.size:
            raise VoxelsBroken(name, "it ends before its first chunk does")
        if any(start[: min(self._skipped, 2)]):
            raise VoxelsBroken(name, "its block is not of the default mode")
        (size,) = _HEADER.unpack_from(start, self._skipped)
        if size > MAX_CHUNK_BYTES:
            raise VoxelsBroken(
                name, f"a chunk in it claims {size:,} bytes, more than {MAX_CHUNK_BYTES:,}"
            )
