"""Fills a new mag from one that is there: voxel by voxel, or made coarser.

Works file by file of the new mag, each block by block, so that memory is bounded whatever the size
of the mag. Files that are there already are passed over: a copy that was killed goes on where it
stopped, since files appear under their names only when they are whole.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

from conversion.pipeline.filters import Filter
from conversion.pipeline.geometry import ceil_divide, floor_divide, minimum, multiply, subtract
from conversion.pipeline.mag_array import MagArray
from conversion.pipeline.mag_writer import MagWriter, Slab
from conversion.tools.blocks import Index, add, ahead, block_shape, blocks_of, read
from conversion.tools.opened import OpenedMag
from conversion.tools.progress import Meter
from datasets.properties import BoundingBox, Vec3Int
from datasets.voxels.box import Box

_AS_IT_IS = (1, 1, 1)


@dataclass(frozen=True)
class MagCopy:
    """What a new mag is made of; boxes are in voxels of the mag that they are about."""

    source: OpenedMag
    """Its box goes on mirrored where a coarse voxel juts out."""
    target: MagArray
    target_box: Box
    """What is filled; the rest of the target is zero."""
    factors: Vec3Int = _AS_IT_IS
    """How many voxels of the source make one of the target, x, y, z."""
    filter_: Filter = Filter.MEDIAN

    def run(self, meter: Meter, stage: str, *, threads: int = 2) -> None:
        """Write all files of the target that are not there, then its metadata.

        Raises ToolProblem where the source can't be decoded, OSError where writing fails.
        """
        layout = self.target.layout
        box = BoundingBox.of(self.target_box.offset, self.target_box.size)
        with ThreadPoolExecutor(threads) as makers, ThreadPoolExecutor(threads) as encoders:
            for index, position in product(self._indices(), layout.files_in(box)):
                blocks = list(self._blocks(_as_box(layout.file_box(position))))
                place = tuple(index.values())
                if self.target.file(position, place).path.exists():
                    meter.add(stage, sum(map(self._filled_bytes, blocks)))
                    continue
                slabs = ahead(makers, partial(self._made, index), blocks, threads)
                with self.target.writer(encoders, index=place) as writer:
                    for block, slab in zip(blocks, slabs, strict=True):
                        _write(writer, slab, block)
                        meter.add(stage, self._filled_bytes(block))
        self.target.write_metadata()

    def _indices(self) -> Iterator[Index]:
        """A copy takes the place of its source, so it has to have all that is stored."""
        if self.factors == _AS_IT_IS:
            return self.source.stored_indices()
        return self.source.indices()

    def _blocks(self, file: Box) -> Iterator[Box]:
        """What is filled of the file, in blocks of whole chunks, small enough for memory."""
        shape, filled = self._block_shape(), self.target_box.clipped(file)
        for block in blocks_of(Box(subtract(filled.offset, file.offset), filled.size), shape):
            chunks = Box(multiply(floor_divide(block.offset, shape), shape), shape)
            yield Box(add(file.offset, chunks.offset), shape).clipped(file)

    def _block_shape(self) -> Vec3Int:
        layout = self.target.layout
        x, y, z = self.source.array.chunk_shape[1:]
        return block_shape(
            layout.chunk_shape,
            limit=minimum(layout.file_shape, layout.shape),
            covered=ceil_divide((x, y, z), self.factors),
            voxel_bytes=self.source.voxel_bytes * math.prod(self.factors),
        )

    def _filled_bytes(self, block: Box) -> int:
        layout = self.target.layout
        filled = block.clipped(self.target_box).volume
        return filled * layout.num_channels * layout.dtype.itemsize

    def _made(self, index: Index, block: Box) -> Slab:
        """The voxels of a block of the target, C-order (channel, z, y, x)."""
        layout = self.target.layout
        filled = block.clipped(self.target_box)
        if self.factors == _AS_IT_IS and filled == block:
            return self._read(block, index)
        slab = np.zeros((layout.num_channels, *block.size[::-1]), layout.dtype)
        x, y, z = filled.slices_in(block)
        slab[:, z, y, x] = (
            self._read(filled, index) if self.factors == _AS_IT_IS else self._coarser(filled, index)
        )
        return slab

    def _coarser(self, wanted: Box, index: Index) -> Slab:
        # Its kernels take long to load, which copies and requests should not wait for.
        from conversion.pipeline.downsample import downsample

        # A coarse voxel at the end may have less than half of its block: what is mirrored into
        # the rest is found in the block before.
        x, y, z = (
            int(factor > 2 and start > first)
            for factor, start, first in zip(
                self.factors, wanted.offset, self.target_box.offset, strict=True
            )
        )
        lead = (x, y, z)
        around = Box(subtract(wanted.offset, lead), add(wanted.size, lead))
        fine = Box(multiply(around.offset, self.factors), multiply(around.size, self.factors))
        inside = fine.clipped(self.source.box)
        voxels = self._read(inside, index)
        missing = [low - start for low, start in zip(inside.offset, fine.offset, strict=True)]
        if any(missing):
            before = [(length, 0) for length in reversed(missing)]
            voxels = np.pad(voxels, [(0, 0), *before], mode="symmetric")
        coarse = np.empty((len(voxels), *around.size[::-1]), voxels.dtype)
        for source, target in zip(voxels, coarse, strict=True):
            downsample(source, target, self.factors, self.filter_)
        return coarse[:, z:, y:, x:]

    def _read(self, box: Box, index: Index) -> Slab:
        voxels = read(self.source, box, index).transpose(0, 3, 2, 1)
        return np.ascontiguousarray(voxels, self.target.layout.dtype)


def _write(writer: MagWriter, slab: Slab, block: Box) -> None:
    """Encode a block; only this one is in memory meanwhile, besides those made ahead."""
    for task in writer.write(slab, block.offset):
        task.result()


def _as_box(box: BoundingBox) -> Box:
    return Box(box.top_left, box.size)
