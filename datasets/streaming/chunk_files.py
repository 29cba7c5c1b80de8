"""Reads stored chunks the shortest way from an address to bytes.

Most chunks that are asked for are this: a few numbers that stand in a file's name, the same or
moved by whole chunks, or that count the chunks of a shard. Everything unusual is answered with
None, and the long way tells what it is.
"""

import os
from collections.abc import Sequence

from datasets.voxels.array import ChunkFileNames
from datasets.voxels.errors import VoxelsBroken
from datasets.voxels.mag_files import open_found
from datasets.voxels.shards import ShardLayout, span_in_shard

# Texts of numbers in Zarr's own spelling: looking one up checks it.
_NUMBERS = {str(number): number for number in range(2**14)}
_LEAST_ROOM = 2**14


class ChunkFiles:
    """The files of one mag's chunks.

    `axes` and `bounds` are those of the numbers in an address: a chunk exists from the first number
    of its bounds to below the second. `shifts` is what is added to a number to make the stored one.
    `length` is what every chunk has to have, None where chunks are compressed.
    """

    def __init__(
        self,
        names: ChunkFileNames,
        axes: Sequence[str],
        bounds: Sequence[tuple[int, int]],
        shifts: Sequence[int],
        length: int | None,
    ) -> None:
        self._directory = os.path.realpath(names.directory)
        self._start = f"{names.directory}/{names.prefix}"
        self._separator = names.separator
        self._shard = names.shard
        self._limits = [
            (low, high, shift) for (low, high), shift in zip(bounds, shifts, strict=True)
        ]
        order = [list(axes).index(axis) for axis in names.axes]
        self._order = None if order == list(range(len(axes))) else order
        self._is_shifted = any(shifts)
        self._length = length
        self._room = _LEAST_ROOM if length is None else length + 1
        self._checked: set[str] = set()

    def read(self, numbers: list[str]) -> bytes | None:
        """The chunk's bytes, None where the long way has to find out why there are none."""
        if len(numbers) != len(self._limits):
            return None
        for text, (low, high, _) in zip(numbers, self._limits, strict=True):
            if not low <= _NUMBERS.get(text, -1) < high:
                return None
        if self._is_shifted:
            limits = zip(numbers, self._limits, strict=True)
            numbers = [str(_NUMBERS[text] + shift) for text, (_, _, shift) in limits]
        if self._order is not None:
            numbers = [numbers[place] for place in self._order]
        try:
            if self._shard is None:
                data = self._read_file(self._path(numbers))
            else:
                data = self._read_from_shard(self._shard, list(map(int, numbers)))
        except (OSError, VoxelsBroken):
            return None
        return data if data and self._length in (None, len(data)) else None

    def _path(self, numbers: Sequence[str]) -> str:
        """The path of a file, which lies in the mag. Raises VoxelsBroken where links lead out."""
        path = self._start + self._separator.join(numbers)
        folder = path[: path.rindex("/")]
        if folder not in self._checked:
            if os.path.commonpath([self._directory, os.path.realpath(folder)]) != self._directory:
                raise VoxelsBroken(path, "a link puts it outside of the mag")
            if len(self._checked) > len(_NUMBERS):
                self._checked.clear()
            self._checked.add(folder)
        return path

    def _read_file(self, path: str) -> bytes | None:
        """Opened, read and closed: each further call to the kernel would be felt."""
        descriptor = open_found(path)
        try:
            data = os.read(descriptor, self._room)
            if len(data) == self._room:
                if self._length is not None:
                    return None
                data += os.read(descriptor, os.fstat(descriptor).st_size)
                self._room = max(self._room, len(data) + 1)
        finally:
            os.close(descriptor)
        return data

    def _read_from_shard(self, layout: ShardLayout, position: Sequence[int]) -> bytes | None:
        shard, number = layout.split(tuple(position))
        path = self._path([str(index) for index in shard])
        descriptor = open_found(path)
        try:
            span = span_in_shard(path, os.fstat(descriptor), path, layout, number)
            if span is None:
                return None
            offset, length = span
            data = os.pread(descriptor, length, offset)
        finally:
            os.close(descriptor)
        return data if len(data) == length else None
