"""Cuts the slabs of one mag into chunks and encodes them in threads, straight into their files.

How a chunk is encoded, and in what kind of file it lands, comes from `zarr_array` and
`wkw_array`; where slabs come from is for `column` and `write_layer`.
"""

import itertools
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from conversion.pipeline.chunk_file import ChunkFile
from conversion.pipeline.geometry import ceil_divide, floor_divide, multiply, subtract
from datasets.properties import BoundingBox, Vec3Int

BUFFER_BYTES = 1 << 20
"""Of chunks that a thread cuts out at once: it stays in the processor's cache."""

Slab = NDArray[Any]
"""Voxels in C-order (channel, z, y, x)."""

Encode = Callable[[NDArray[Any]], bytes]
"""Encodes the voxels of a whole chunk, C-order (z, y, x, channel); called by several threads."""


@dataclass(frozen=True)
class ArrayLayout:
    """How the voxels of one mag are cut: shapes in voxels, x, y, z.

    A chunk and a file hold all channels. A file is a whole number of chunks; `shape` need not be
    a multiple of either.
    """

    shape: Vec3Int
    dtype: np.dtype[Any]
    num_channels: int
    chunk_shape: Vec3Int
    file_shape: Vec3Int

    def __post_init__(self) -> None:
        if multiply(self.chunks_per_file, self.chunk_shape) != self.file_shape:
            raise ValueError(
                f"Files of {self.file_shape} voxels are not made of whole chunks of "
                f"{self.chunk_shape}; choose a multiple of the chunk shape on each axis."
            )

    @property
    def chunks_per_file(self) -> Vec3Int:
        return floor_divide(self.file_shape, self.chunk_shape)

    @property
    def chunk_bytes(self) -> int:
        """The size of a chunk before it is encoded."""
        return math.prod(self.chunk_shape) * self.num_channels * self.dtype.itemsize

    def file_box(self, position: Vec3Int) -> BoundingBox:
        """The voxels of the array that lie in the file at a position of the grid of files."""
        corner = multiply(position, self.file_shape)
        whole = BoundingBox.of((0, 0, 0), self.shape)
        return BoundingBox.of(corner, self.file_shape).intersection(whole)

    def files_in(self, box: BoundingBox) -> Iterator[Vec3Int]:
        """The positions of the files that hold voxels of `box`, z counting up the slowest."""
        first = floor_divide(box.top_left, self.file_shape)
        end = ceil_divide(box.bottom_right, self.file_shape)
        for z, y, x in itertools.product(*(range(first[i], end[i]) for i in (2, 1, 0))):
            yield x, y, z


@dataclass
class _OpenFile:
    contents: ChunkFile
    remaining: int  # chunks inside of the box that no slab has brought yet


class MagWriter:
    """Writes one mag; memory is bounded by the slabs that were handed in and not yet encoded.

    A chunk of zeros only is left out and reads as zeros. A file is published as soon as all of its
    chunks that lie in the writer's box were seen. Leaving the context with an error, or `abort()`,
    removes unpublished files.
    """

    def __init__(
        self,
        layout: ArrayLayout,
        *,
        encode: Encode,
        open_file: Callable[[Vec3Int], ChunkFile],
        pool: Executor,
        box: BoundingBox,
    ) -> None:
        """`open_file` makes the file at a position of the grid of files; `box` is what will be
        written, and begins and ends on borders of chunks.
        """
        self.layout = layout
        self._box = box
        self._encode = encode
        self._open_file = open_file
        self._pool = pool
        self._files: dict[Vec3Int, _OpenFile | None] = {}  # None once published
        self._tasks: list[Future[None]] = []
        self._is_aborted = False
        self._lock = threading.Lock()
        self._buffers = threading.local()
        self._chunks_at_once = max(BUFFER_BYTES // layout.chunk_bytes, 1)

    def write(self, slab: Slab, corner: Vec3Int = (0, 0, 0)) -> list[Future[None]]:
        """Start to encode a slab whose first voxel lies at `corner` (x, y, z).

        The slab must not change until the returned futures are done; a failure is raised by them
        and by `close()`. Raises ValueError for a slab that does not fit the array, or that does
        not start and end on chunk borders (the array's own end is one, too).
        """
        self._check(slab, corner)
        _, depth, height, width = slab.shape
        first = floor_divide(corner, self.layout.chunk_shape)
        count = ceil_divide((width, height, depth), self.layout.chunk_shape)
        self._tasks = [task for task in self._tasks if not _has_succeeded(task)]
        rows = itertools.product(range(count[2]), range(count[1]))
        started = [
            self._pool.submit(self._write_row, slab, first, (count[0], y, z)) for z, y in rows
        ]
        self._tasks += started
        return started

    @property
    def tasks(self) -> Sequence[Future[None]]:
        """Of all slabs, those that are done with success left out."""
        return tuple(self._tasks)

    def close(self) -> None:
        """Wait for all slabs and publish what is still open; chunks never written read as zeros."""
        for task in self._tasks:
            task.result()
        self._tasks = []
        for position, file in self._files.items():
            if file is not None:
                file.contents.close()
                self._files[position] = None

    def abort(self) -> None:
        """Stop encoding and remove the files that were not published."""
        with self._lock:
            self._is_aborted = True
        wait([task for task in self._tasks if not task.cancel()])
        for file in self._files.values():
            if file is not None:
                file.contents.abort()

    def _check(self, slab: Slab, corner: Vec3Int) -> None:
        layout = self.layout
        channels, depth, height, width = slab.shape
        if slab.dtype != layout.dtype or channels != layout.num_channels:
            raise ValueError(
                f"A slab of {channels} channels of {slab.dtype} does not fit an array of "
                f"{layout.num_channels} channels of {layout.dtype}."
            )
        for axis, start, length in zip("xyz", corner, (width, height, depth), strict=True):
            index = "xyz".index(axis)
            chunk, end = layout.chunk_shape[index], layout.shape[index]
            least, most = self._box.top_left[index], self._box.bottom_right[index]
            stop = start + length
            if start % chunk or not least <= start < stop <= most or (stop % chunk and stop != end):
                raise ValueError(
                    f"A slab from {start} to {stop} on axis {axis} does not start and end on the "
                    f"borders of chunks of {chunk} voxels in an array of {end}, or leaves the box "
                    f"from {least} to {most}."
                )

    def _write_row(self, slab: Slab, first: Vec3Int, row: Vec3Int) -> None:
        """Encode the chunks along x at the row (number of chunks, y, z) of the slab."""
        count, y, z = row
        per_file = self.layout.chunks_per_file[0]
        start = 0
        while start < count:  # as many at once as a buffer and the file take
            in_file = per_file - (first[0] + start) % per_file
            stop = min(start + self._chunks_at_once, start + in_file, count)
            encoded = self._encoded(slab, range(start, stop), y, z)
            self._store((first[0] + start, first[1] + y, first[2] + z), encoded)
            start = stop

    def _encoded(self, slab: Slab, row: range, y: int, z: int) -> list[bytes | None]:
        """The bytes of neighbours along x, None for a chunk of zeros only."""
        width, height, depth = self.layout.chunk_shape
        voxels = slab[
            :,
            z * depth : (z + 1) * depth,
            y * height : (y + 1) * height,
            row.start * width : row.stop * width,
        ]
        channels, slices, rows, columns = voxels.shape
        chunks = self._buffer()[: len(row)]
        if (slices, rows, columns) != (depth, height, len(row) * width):
            chunks[...] = 0
        whole = columns // width
        inside = chunks[:, :slices, :rows]
        inside[:whole] = (
            voxels[..., : whole * width]
            .reshape(channels, slices, rows, whole, width)
            .transpose(3, 1, 2, 4, 0)
        )
        if whole < len(row):
            inside[whole, :, :, : columns - whole * width] = voxels[..., whole * width :].transpose(
                1, 2, 3, 0
            )
        return [
            self._encode(chunk) if has_content else None
            for chunk, has_content in zip(chunks, _have_content(chunks), strict=True)
        ]

    def _buffer(self) -> NDArray[Any]:
        """This thread's room for some chunks, (chunk, z, y, x, channel)."""
        if not hasattr(self._buffers, "chunks"):
            width, height, depth = self.layout.chunk_shape
            shape = (self._chunks_at_once, depth, height, width, self.layout.num_channels)
            self._buffers.chunks = np.empty(shape, self.layout.dtype.newbyteorder("<"))
        buffer: NDArray[Any] = self._buffers.chunks
        return buffer

    def _store(self, corner: Vec3Int, encoded: Sequence[bytes | None]) -> None:
        """Put chunks from `corner` on along x into their file, and publish it with its last one."""
        position = floor_divide(corner, self.layout.chunks_per_file)
        with self._lock:
            if self._is_aborted:
                raise RuntimeError("Writing was aborted.")
            if position not in self._files:
                self._files[position] = self._opened(position)
            file = self._files[position]
        if file is None:
            raise ValueError(f"Chunk {corner} lies in a file that was finished before.")
        x, y, z = subtract(corner, multiply(position, self.layout.chunks_per_file))
        stored: dict[tuple[int, ...], bytes] = {
            (x + i, y, z): data for i, data in enumerate(encoded) if data is not None
        }
        if stored:
            file.contents.append(stored)
        with self._lock:
            file.remaining -= len(encoded)
            if file.remaining:
                return
            self._files[position] = None
        file.contents.close()

    def _opened(self, position: Vec3Int) -> _OpenFile:
        box = self.layout.file_box(position).intersection(self._box)
        chunks = ceil_divide(box.size, self.layout.chunk_shape)
        return _OpenFile(self._open_file(position), remaining=math.prod(chunks))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self.abort()
            return
        try:
            self.close()
        except BaseException:
            self.abort()
            raise


def _has_succeeded(task: Future[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _have_content(chunks: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of some chunks, C-order and whole, are not zeros only."""
    flat = chunks.reshape(len(chunks), -1).view(np.uint8)
    widest = np.uint64 if flat.shape[1] % 8 == 0 else np.uint8
    return np.asarray(flat.view(widest).any(axis=1))
