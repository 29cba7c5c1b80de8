"""What one process converts with: threads that read and encode, room for two slabs, scratch."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from conversion.pipeline.mag_writer import Slab
from conversion.pipeline.progress import Meter
from conversion.pipeline.sources import Source
from datasets.properties import BoundingBox

TELL_SECONDS = 0.25
"""The longest time without a report."""
PART_BYTES = 16 << 20
"""Read at once: after each part, reading can be stopped."""
LEAST_PART_SLICES = 4
"""So that several threads of a sandbox share a part."""


class Workbench:
    """Leaving the context stops what is still being read or waits to be encoded."""

    def __init__(self, *, threads: int, scratch: Path, meter: Meter) -> None:
        self.scratch = scratch
        self.meter = meter
        self.pool = ThreadPoolExecutor(threads, "encode")
        self._reader = ThreadPoolExecutor(1, "read")
        self._rooms: list[NDArray[np.uint8]] = [np.empty(0, np.uint8), np.empty(0, np.uint8)]
        self._is_stopped = threading.Event()

    def wait_for(self, tasks: Sequence[Future[None]]) -> None:
        """Wait for tasks, telling how far we are; raises what a task raised, or the report."""
        for task in tasks:
            while not task.done():
                self.meter.tell()
                wait([task], TELL_SECONDS)
            task.result()

    def read(
        self, source: Source, index: Mapping[str, int], z: range, y: range, out: Slab
    ) -> Future[None]:
        """Start to fill `out`, part by part, with the rows `y` of the slices `z`."""
        return self._reader.submit(self._read, source, index, z, y, out)

    def room(self, number: int, shape: tuple[int, int, int, int], dtype: np.dtype[Any]) -> Slab:
        """One of two places in memory, as an array; they are kept, so that pages stay mapped."""
        size = int(np.prod(shape)) * dtype.itemsize
        if self._rooms[number].nbytes < size:
            self._rooms[number] = np.empty(0, np.uint8)  # free it before there is another
            self._rooms[number] = np.empty(size, np.uint8)
        return self._rooms[number][:size].view(dtype).reshape(shape)

    def _read(
        self, source: Source, index: Mapping[str, int], z: range, y: range, out: Slab
    ) -> None:
        slice_bytes = out[:, :1].nbytes
        step = max(PART_BYTES // slice_bytes, min(LEAST_PART_SLICES, len(z)))
        for first in range(0, len(z), step):
            if self._is_stopped.is_set():
                raise RuntimeError("Reading was stopped.")
            part = z[first : first + step]
            source.read(index, part, y, out[:, first : first + len(part)])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_stopped.set()
        self._reader.shutdown(cancel_futures=True)
        self.pool.shutdown(cancel_futures=True)


class ReadAhead:
    """Reads slabs one after the other, each while the one before is encoded."""

    def __init__(
        self,
        bench: Workbench,
        source: Source,
        index: Mapping[str, int],
        boxes: Sequence[BoundingBox],
        *,
        dtype: np.dtype[Any],
        num_channels: int,
    ) -> None:
        """`boxes` are the slabs, as wide as the source."""
        self._bench = bench
        self._source = source
        self._index = index
        self._boxes = boxes
        self._dtype = dtype
        self._num_channels = num_channels
        self._number = 0
        self._encoding: Sequence[Future[None]] = ()
        self._start_reading()

    def next(self) -> Slab:
        """The next slab, when it is read."""
        self._bench.wait_for([self._reading])
        return self._slab

    def is_encoded_by(self, tasks: Sequence[Future[None]]) -> None:
        """Say that tasks need the slab which `next` gave: its room is kept until they are done."""
        self._bench.wait_for(self._encoding)  # those of the slab before, whose room is free now
        self._encoding = tasks
        self._number += 1
        if self._number < len(self._boxes):
            self._start_reading()

    def _start_reading(self) -> None:
        box = self._boxes[self._number]
        shape = (self._num_channels, box.depth, box.height, box.width)
        self._slab = self._bench.room(self._number % 2, shape, self._dtype)
        (_, top, front), (_, bottom, back) = box.top_left, box.bottom_right
        self._reading = self._bench.read(
            self._source, self._index, range(front, back), range(top, bottom), self._slab
        )
