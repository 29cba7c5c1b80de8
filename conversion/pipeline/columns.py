"""Cuts a layer into columns, and says in which stages a column is made into mags.

A column is as wide as the layer, since images are read by rows, and begins and ends on borders of
files of the finest mag. It is written in stages. A stage goes over the column band by band, each
band from its first slice to its last, and writes those mags that come out in whole chunks of a
band; the voxels of the next mag, the stage's rest, it leaves in a file for the next stage. What is
too coarse for whole chunks even of a column is left to be made when all columns are there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from conversion.pipeline.geometry import ceil_divide, floor_divide, pieces
from datasets.properties import BoundingBox, Mag, Vec3Int

LEAST_ROWS = 1024
"""Of a column: every border costs fragments and, in some formats, rows that are decoded twice."""
LEAST_CHUNKS = 4
"""Of a column from its first slice to its last, so that a few coarser mags come out whole."""


@dataclass(frozen=True)
class Budget:
    """What a column may take, in bytes of voxels."""

    slab_bytes: int = 128 << 20
    """Of a band, as deep as a chunk; the last one may be half as large again. A process holds about
    four times as much in all.
    """
    column_bytes: int = 512 << 20
    """Of a column, where a smaller one is large enough to be worth the while."""


@dataclass(frozen=True)
class Stage:
    """One pass over a column."""

    mags: tuple[Mag, ...]
    """What is written; the first is what is read."""
    band_rows: int
    """Of the first mag."""
    rest: Mag | None
    """What is left for the next stage."""


@dataclass(frozen=True)
class Columns:
    """The columns of an array that is read in mag `mags[0]`; shapes are in its voxels."""

    mags: tuple[Mag, ...]
    shape: Vec3Int
    chunk_shape: Vec3Int
    voxel_bytes: int
    """Of all channels together."""
    rows: int
    depth: int
    slab_bytes: int

    def boxes(self) -> list[BoundingBox]:
        """All columns, those with the first slices first."""
        width, height, depth = self.shape
        return [
            BoundingBox.of((0, y.start, z.start), (width, len(y), len(z)))
            for z in pieces(depth, self.depth, self.depth // 4)
            for y in pieces(height, self.rows, self.rows // 4)
        ]

    def stages(self) -> list[Stage]:
        """How each column is written; the rest of the last stage is left for later."""
        mags, stages = self.mags, list[Stage]()
        while mags and self._is_whole(mags[0], self.rows):
            band_rows = self._band_rows(mags[0])
            band = min(band_rows * self._factors(mags[0])[1], self.rows)
            count = 0
            while count < len(mags) and all(
                self._is_whole(mags[count], rows) for rows in (band, self.rows)
            ):
                count += 1
            rest = mags[count] if count < len(mags) else None
            stages.append(Stage(mags[:count], band_rows, rest))
            mags = mags[count:]
        return stages

    @property
    def rest(self) -> "Columns | None":
        """What all columns together leave, as one column."""
        stages = self.stages()
        first = stages[-1].rest
        if first is None:
            return None
        shape = ceil_divide(self.shape, self._factors(first))
        return Columns(
            mags=self.mags[self.mags.index(first) :],
            shape=shape,
            chunk_shape=self.chunk_shape,
            voxel_bytes=self.voxel_bytes,
            rows=shape[1],
            depth=shape[2],
            slab_bytes=self.slab_bytes,
        )

    def bands(self, box: BoundingBox, band_rows: int) -> list[BoundingBox]:
        """The bands of a column, or of a part of it in a coarser mag."""
        (x, top, z), (width, height, depth) = box.top_left, box.size
        return [
            BoundingBox.of((x, top + rows.start, z), (width, len(rows), depth))
            for rows in pieces(height, band_rows, band_rows // 4)
        ]

    def slab_fits(self) -> bool:
        """Whether whole slices, as deep as a chunk, are within the budget."""
        return self._band_rows(self.mags[0]) >= self.shape[1]

    def in_mag(self, box: BoundingBox, mag: Mag) -> BoundingBox:
        """A box of the array's voxels, in voxels of a coarser mag."""
        return box.in_mag(Mag(*self._factors(mag)))

    def _band_rows(self, mag: Mag) -> int:
        """As many rows as the budget allows: chunks, doubled and doubled again."""
        width, height, _ = ceil_divide(self.shape, self._factors(mag))
        row_bytes = width * self.chunk_shape[2] * self.voxel_bytes
        rows = self.chunk_shape[1]
        while rows < height and 2 * rows * row_bytes <= self.slab_bytes:
            rows *= 2
        return height if height * row_bytes <= self.slab_bytes else rows

    def _is_whole(self, mag: Mag, rows: int) -> bool:
        """Whether `rows` of a column come out in whole chunks of a mag."""
        _, fy, fz = self._factors(mag)
        _, chunk_rows, chunk_depth = self.chunk_shape
        _, height, depth = self.shape
        rows_are = rows >= height or rows % (fy * chunk_rows) == 0
        return rows_are and (self.depth >= depth or self.depth % (fz * chunk_depth) == 0)

    def _factors(self, mag: Mag) -> Vec3Int:
        return floor_divide(mag, self.mags[0])


def cut(
    *,
    mags: Sequence[Mag],
    shape: Vec3Int,
    chunk_shape: Vec3Int,
    file_shape: Vec3Int,
    voxel_bytes: int,
    reads_bands: bool,
    budget: Budget,
) -> Columns:
    """The columns of a layer: `shape` and `file_shape` in voxels of the finest of `mags`.

    Files that are much deeper than a column need be are not kept whole: they are put together from
    fragments, which costs a copy and keeps columns small. Raises ValueError for mags that do not
    follow from each other by whole chunks.
    """
    for finer, coarser in pairwise(mags):
        factors = floor_divide(coarser, finer)
        fits = all(
            c == f * factor and chunk % factor == 0
            for c, f, factor, chunk in zip(coarser, finer, factors, chunk_shape, strict=True)
        )
        if not fits:
            raise ValueError(
                f"Mag {coarser.literal} can't be made of mag {finer.literal} in chunks of "
                f"{chunk_shape}; choose mags that are multiples of each other by powers of two."
            )
    width, height, depth = shape
    step = file_shape[2] if file_shape[2] <= LEAST_CHUNKS * chunk_shape[2] else chunk_shape[2]
    column_depth = math.ceil(LEAST_CHUNKS * chunk_shape[2] / step) * step
    rows = height
    if reads_bands:
        slice_bytes = width * voxel_bytes * column_depth
        rows = math.ceil(LEAST_ROWS / file_shape[1]) * file_shape[1]
        while rows < height and 2 * rows * slice_bytes <= budget.column_bytes:
            rows *= 2
        rows = min(rows, height)
    slab_bytes = width * rows * voxel_bytes
    while column_depth < depth and 2 * column_depth * slab_bytes <= budget.column_bytes:
        column_depth *= 2
    return Columns(
        mags=tuple(mags),
        shape=shape,
        chunk_shape=chunk_shape,
        voxel_bytes=voxel_bytes,
        rows=rows,
        depth=min(column_depth, depth),
        slab_bytes=budget.slab_bytes,
    )
