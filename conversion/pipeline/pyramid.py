"""Makes all mags of a layer from the slabs of its finest one, while they are in memory."""

from collections.abc import Mapping
from concurrent.futures import Future

import numpy as np

from conversion.pipeline.downsample import Filter, downsample
from conversion.pipeline.geometry import floor_divide
from conversion.pipeline.mag_writer import MagWriter, Slab
from datasets.properties import Mag, Vec3Int


class Pyramid:
    """Takes the finest mag slab by slab, whole slices, and writes every mag in the same pass.

    No mag is read again. Memory is bounded by two slabs of each mag, as deep as a chunk: one that
    grows and one that is being encoded.
    """

    def __init__(self, writers: Mapping[Mag, MagWriter], filter_: Filter) -> None:
        """`writers` are ordered from the finest mag to the coarsest."""
        (finest, writer), *others = writers.items()
        self._finest = _Level(finest, writer)
        level = self._finest
        for mag, coarser in others:
            level.next = _Coarser(mag, coarser, floor_divide(mag, level.mag), filter_)
            level = level.next

    def add(self, slab: Slab) -> None:
        """Take the next slices of the finest mag, which must not be changed afterwards.

        Their number is a multiple of the chunk depth, but at the end of the layer.
        """
        depth = self._finest.slab_depth
        for z in range(0, slab.shape[1], depth):
            self._finest.write(slab[:, z : z + depth])

    @property
    def slices(self) -> int:
        """How many slices of the finest mag were taken."""
        return self._finest.slices


class _Level:
    """One mag, written slab by slab; each slab goes on to the next coarser mag."""

    def __init__(self, mag: Mag, writer: MagWriter) -> None:
        self.mag = mag
        self.slices = 0
        self.slab_depth = min(writer.layout.chunk_shape[2], writer.layout.shape[2])
        self.next: _Coarser | None = None
        self._writer = writer
        self._tasks: list[Future[None]] = []

    def write(self, slab: Slab) -> None:
        for task in self._tasks:  # bounds what waits in memory
            task.result()
        self._tasks = self._writer.write(slab, (0, 0, self.slices))
        self.slices += slab.shape[1]
        if self.next is not None:
            self.next.gather(slab)


class _Coarser(_Level):
    """A mag whose slabs grow from the slabs of the finer one."""

    def __init__(self, mag: Mag, writer: MagWriter, factors: Vec3Int, filter_: Filter) -> None:
        super().__init__(mag, writer)
        self._factors = factors
        self._filter = filter_
        layout = writer.layout
        shape = (layout.num_channels, self.slab_depth, layout.shape[1], layout.shape[0])
        # While one slab is encoded, the other grows.
        self._growing, self._spare = np.empty(shape, layout.dtype), np.empty(shape, layout.dtype)
        self._filled = 0

    def gather(self, finer: Slab) -> None:
        start, self._filled = self._filled, self._filled - (-finer.shape[1] // self._factors[2])
        for channel, source in enumerate(finer):
            target = self._growing[channel, start : self._filled]
            downsample(source, target, self._factors, self._filter)
        is_last = self.slices + self._filled == self._writer.layout.shape[2]
        if self._filled == self.slab_depth or is_last:
            self.write(self._growing[:, : self._filled])
            self._growing, self._spare = self._spare, self._growing
            self._filled = 0
