"""Makes all mags of a band from the slabs of its finest one, while they are in memory."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from typing import Any, Protocol

import numpy as np

from conversion.pipeline.downsample import Filter, downsample
from conversion.pipeline.geometry import floor_divide, pieces
from conversion.pipeline.mag_writer import Slab
from datasets.properties import BoundingBox, Mag, Vec3Int

LEAST_SLICES = 8
"""Of the last slab of a mag: fewer join the slab before, so that what is mirrored is at hand."""

Wait = Callable[[Sequence[Future[None]]], None]
"""Waits for work in the pool, and raises what it raised."""


class SlabWriter(Protocol):
    """What takes the slabs of one mag."""

    def write(self, slab: Slab, corner: Vec3Int) -> Sequence[Future[None]]:
        """Start to write a slab, which must not be changed until the futures are done."""


def wait_all(tasks: Sequence[Future[None]]) -> None:
    wait(tasks)
    for task in tasks:
        task.result()


class Pyramid:
    """Takes a band of the finest mag slab by slab and writes every mag in the same pass.

    No mag is read again. Memory is bounded by two slabs of each mag, about as deep as a chunk: one
    that grows and one that is being encoded.
    """

    def __init__(
        self,
        writers: Mapping[Mag, SlabWriter],
        filter_: Filter,
        *,
        box: BoundingBox,
        slab_depth: int,
        pool: Executor,
        wait_for: Wait = wait_all,
    ) -> None:
        """`writers` are ordered from the finest mag to the coarsest; `box` is the band, in voxels
        of the finest. It ends, as its slabs do, where blocks of the coarser mags end, or where
        the layer does.
        """
        (finest, writer), *others = writers.items()
        self._finest = level = _Level(writer, box, slab_depth, wait_for)
        previous = finest
        for mag, coarser in others:
            relative = Mag(*floor_divide(mag, finest))
            factors = floor_divide(mag, previous)
            level.next = _Coarser(
                coarser, box.in_mag(relative), slab_depth, wait_for, factors, filter_, pool
            )
            level, previous = level.next, mag

    def add(self, slab: Slab) -> Sequence[Future[None]]:
        """Take the next slices of the finest mag, which must not be changed until the futures,
        which are those of this slab, are done.

        Their number is a multiple of the slab depth, but at the end of the layer.
        """
        level, depth = self._finest, slab.shape[1]
        is_last = level.slices + depth == level.box.depth
        started: list[Future[None]] = []
        for z in pieces(depth, level.slab_depth, LEAST_SLICES if is_last else 0):
            started += level.add(slab[:, z.start : z.stop])
        return started

    @property
    def slices(self) -> int:
        """How many slices of the finest mag were taken."""
        return self._finest.slices


class _Level:
    """One mag, written slab by slab; each slab goes on to the next coarser mag."""

    def __init__(
        self, writer: SlabWriter, box: BoundingBox, slab_depth: int, wait_for: Wait
    ) -> None:
        self.slices = 0
        self.slab_depth = min(slab_depth, box.depth)
        self.next: _Coarser | None = None
        self.box = box
        self._writer = writer
        self._wait_for = wait_for
        self._tasks: Sequence[Future[None]] = ()

    def add(self, slab: Slab) -> Sequence[Future[None]]:
        if self.next is not None:
            self.next.gather(slab)
        x, y, z = self.box.top_left
        previous, self._tasks = self._tasks, self._writer.write(slab, (x, y, z + self.slices))
        self.slices += slab.shape[1]
        self._wait_for(previous)  # bounds what waits in memory
        return self._tasks


class _Coarser(_Level):
    """A mag whose slabs grow from the slabs of the finer one."""

    def __init__(
        self,
        writer: SlabWriter,
        box: BoundingBox,
        slab_depth: int,
        wait_for: Wait,
        factors: Vec3Int,
        filter_: Filter,
        pool: Executor,
    ) -> None:
        super().__init__(writer, box, slab_depth, wait_for)
        self._factors = factors
        self._filter = filter_
        self._pool = pool
        # While one slab is encoded, the other grows; both begin with the first voxels.
        self._growing: Slab | None = None
        self._spare: Slab | None = None
        self._filled = 0

    def gather(self, finer: Slab) -> None:
        channels, depth, _, _ = finer.shape
        if self._growing is None:
            self._growing = self._room(channels, finer.dtype)
        start, self._filled = self._filled, self._filled - (-depth // self._factors[2])
        self._downsample(finer, self._growing[:, start : self._filled])
        left = self.box.depth - self.slices - self._filled
        if left == 0 or (self._filled >= self.slab_depth and left >= LEAST_SLICES):
            self.add(self._growing[:, : self._filled])
            self._growing, self._spare = self._spare, self._growing
            self._filled = 0

    def _downsample(self, finer: Slab, coarser: Slab) -> None:
        """In tasks of a few slices, so that all threads share the work."""
        step = self._factors[2]
        tasks = [
            self._pool.submit(
                downsample,
                source[z.start * step : z.stop * step],
                target[z.start : z.stop],
                self._factors,
                self._filter,
            )
            for source, target in zip(finer, coarser, strict=True)
            for z in pieces(len(target), 2, 2)
        ]
        self._wait_for(tasks)

    def _room(self, channels: int, dtype: np.dtype[Any]) -> Slab:
        width, height, _ = self.box.size
        depth = min(self.slab_depth + LEAST_SLICES, self.box.depth)
        return np.empty((channels, depth, height, width), dtype)
