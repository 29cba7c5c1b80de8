"""A block of made-up brain tissue: which cell each voxel belongs to, and how far its border is.

Every cell is made of balls whose centres and radii change from slice to slice: processes that run
through the block, chains of balls that lie in it, spines, a cell body. A voxel belongs to the ball
whose surface is nearest, in coordinates that are bent a little, so that cells fill all space and
no border is straight. How it looks under a microscope is for `electron_microscopy`.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.samples.noise import Image, SmoothNoise, smooth_curve

Floats = NDArray[np.float32]

TILE, BLOCK = 32, 8
"""Pixels, per dimension, that share a first and a second choice of the balls near them."""
TILE_BALLS, BLOCK_BALLS = 36, 10
ABSENT = -1e4
"""Radius of a ball in the slices that it does not reach."""
MARGIN = 60
"""Processes also start this far outside, so that the edges look like the middle."""


class Kind(IntEnum):
    """What a cell looks like inside."""

    GLIA = 0
    AXON = 1
    BOUTON = 2
    DENDRITE = 3
    MYELINATED = 4
    SOMA = 5


@dataclass(frozen=True)
class Process:
    """A cell that runs through all slices: where it is in each (pixels), and how thick."""

    cell: int
    x: Floats
    y: Floats
    radius: Floats


@dataclass(frozen=True)
class Synapse:
    """Where a spine's head touches what lies beyond, and the cell that the spine belongs to."""

    x: float
    y: float
    z: int
    cell: int


@dataclass(frozen=True)
class TissueSlice:
    """One slice, all (y, x).

    `cell` counts from 1, `border` is the distance to the nearest other cell in pixels, `x` and
    `y` are the bent coordinates in which balls are round.
    """

    cell: NDArray[np.uint16]
    border: Image
    x: Image
    y: Image


class Tissue:
    """The cells of a block of `shape` (z, y, x) voxels, slices being `thickness` pixels thick."""

    def __init__(self, seed: int, shape: tuple[int, int, int], thickness: float) -> None:
        self.shape = shape
        self.thickness = thickness
        self.kinds = [Kind.GLIA]  # by cell; there is no cell 0
        self.processes: list[Process] = []
        self.synapses: list[Synapse] = []
        self._balls: list[tuple[int, Any, Any, Floats]] = []
        rng = np.random.default_rng(seed)
        self.soma = self._add_soma()
        for _ in range(16):
            self._add_dendrite(rng)
        for spot in _spread(rng, shape, spacing=34):
            self._add_axon(rng, spot)
        for _ in range(26):
            self._add_lying(rng)
        self._cells = np.array([cell for cell, _, _, _ in self._balls], np.uint16)
        self._x, self._y, self._radii = (
            np.array([np.broadcast_to(ball[i], shape[0]) for ball in self._balls], np.float32)
            for i in (1, 2, 3)
        )
        self._bends = [
            (SmoothNoise(rng, shape, 90, 40), 9.0, SmoothNoise(rng, shape, 24, 10), 1.9)
            for _ in "xy"
        ]

    def slice(self, z: int) -> TissueSlice:
        height, width = self.shape[1:]
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        x, y = (
            grid + wide.slice(z) * np.float32(far) + narrow.slice(z) * np.float32(near)
            for grid, (wide, far, narrow, near) in zip((columns, rows), self._bends, strict=True)
        )
        # With the pixel in its block first and the blocks last, what blocks share is broadcast
        # along the contiguous axes.
        block_x, block_y = _to_blocks(x), _to_blocks(y)
        nearest = self._balls_near(z, block_x.mean((0, 1)), block_y.mean((0, 1)))
        first = np.full(block_x.shape, np.inf, np.float32)
        second = first.copy()
        cell = np.zeros(block_x.shape, np.uint16)
        for ball in nearest:
            distance = (block_x - self._x[ball, z]) ** 2
            distance += (block_y - self._y[ball, z]) ** 2
            np.sqrt(distance, out=distance)
            distance -= self._radii[ball, z]
            cells = self._cells[ball]
            is_other = cell != cells
            np.minimum(second, np.maximum(first, distance), out=second, where=is_other)
            np.copyto(cell, cells, where=distance < first)
            np.minimum(first, distance, out=first)
        return TissueSlice(_to_image(cell), _distance_to_zero(_to_image(second - first)), x, y)

    def _balls_near(self, z: int, x: Image, y: Image) -> NDArray[np.intp]:
        """The balls (candidate, block y, block x) whose surfaces are nearest to these blocks."""
        present = np.flatnonzero(self._radii[:, z] > ABSENT / 2)
        ball_x, ball_y, radius = (a[present, z] for a in (self._x, self._y, self._radii))
        per_tile = TILE // BLOCK
        middles = (slice(per_tile // 2, None, per_tile),) * 2
        tile_x, tile_y = x[middles], y[middles]
        reach = np.hypot(tile_x[..., None] - ball_x, tile_y[..., None] - ball_y) - radius
        of_tile = np.argpartition(reach, TILE_BALLS, axis=-1)[..., :TILE_BALLS]
        of_tile = of_tile.repeat(per_tile, 0).repeat(per_tile, 1)
        reach = np.hypot(x[..., None] - ball_x[of_tile], y[..., None] - ball_y[of_tile])
        reach -= radius[of_tile]
        best = np.argpartition(reach, BLOCK_BALLS, axis=-1)[..., :BLOCK_BALLS]
        return np.moveaxis(present[np.take_along_axis(of_tile, best, -1)], -1, 0)

    def _new_cell(self, kind: Kind) -> int:
        self.kinds.append(kind)
        return len(self.kinds) - 1

    def _add_ball(self, cell: int, x: float, y: float, z: float, radius: float) -> None:
        distance = (np.arange(self.shape[0], dtype=np.float32) - z) * self.thickness
        cut = np.sqrt(np.clip(radius**2 - distance**2, 0, None)) - np.abs(distance) * 0.3
        self._balls.append((cell, x, y, np.where(np.abs(distance) < radius, cut, ABSENT)))

    def _add_process(
        self, rng: np.random.Generator, kind: Kind, x: float, y: float, radius: Floats, slope: float
    ) -> Process:
        depth = self.shape[0]
        run = np.arange(depth, dtype=np.float32) - rng.uniform(0, depth)
        xs, ys = (
            start + rng.normal(0, slope) * self.thickness * run + 9 * smooth_curve(rng, depth, 45)
            for start in (x, y)
        )
        process = Process(self._new_cell(kind), xs, ys, radius)
        self.processes.append(process)
        self._balls.append((process.cell, xs, ys, radius))
        return process

    def _add_soma(self) -> Process:
        """One cell body, half in the block, about 4 micrometres in radius at EM resolution."""
        depth, height, _ = self.shape
        z = np.arange(depth, dtype=np.float32)
        radius = 175 - ((z - 0.4 * depth) * self.thickness / 22) ** 2 / 2
        at = np.full(depth, 96, np.float32), np.full(depth, height - 78, np.float32)
        soma = Process(self._new_cell(Kind.SOMA), *at, radius.astype(np.float32))
        self.processes.append(soma)
        self._balls.append((soma.cell, soma.x, soma.y, soma.radius))
        return soma

    def _add_dendrite(self, rng: np.random.Generator) -> None:
        depth, height, width = self.shape
        x, y = rng.uniform(-20, width + 20), rng.uniform(-20, height + 20)
        radius = rng.uniform(22, 46) * (1 + 0.1 * smooth_curve(rng, depth, 30))
        dendrite = self._add_process(rng, Kind.DENDRITE, x, y, radius, slope=0.35)
        for _ in range(rng.integers(2, 6)):
            self._add_spine(rng, dendrite)

    def _add_spine(self, rng: np.random.Generator, dendrite: Process) -> None:
        z = int(rng.integers(8, self.shape[0] - 8))
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(32, 52)
        along_x, along_y = np.cos(angle), np.sin(angle)
        start = float(dendrite.radius[z]) - 4
        head = rng.uniform(11, 17)
        for reach in np.arange(0, length, 7):
            at = start + reach
            is_head = reach + 7 >= length
            x, y = dendrite.x[z] + at * along_x, dendrite.y[z] + at * along_y
            self._add_ball(dendrite.cell, x, y, z + reach / 25, head if is_head else 7.5)
        tip = start + length + head - 4
        x, y = dendrite.x[z] + tip * along_x, dendrite.y[z] + tip * along_y
        self.synapses.append(Synapse(x, y, round(z + length / 25), dendrite.cell))

    def _add_axon(self, rng: np.random.Generator, spot: tuple[float, float]) -> None:
        depth = self.shape[0]
        chance = rng.random()
        if chance < 0.03:
            radius = rng.uniform(20, 27) * (1 + 0.06 * smooth_curve(rng, depth, 50))
            self._add_process(rng, Kind.MYELINATED, *spot, radius, slope=0.25)
            return
        radius = rng.uniform(7, 14) * (1 + 0.15 * smooth_curve(rng, depth, 16))
        kind = Kind.AXON
        if chance < 0.3:
            kind = Kind.BOUTON
            swelling = (np.arange(depth) - rng.uniform(0, depth)) * self.thickness / 26
            radius = radius + rng.uniform(12, 19) * np.exp(-(swelling**2))
        elif chance < 0.36:
            kind = Kind.GLIA
            radius = radius + 5 * smooth_curve(rng, depth, 9)
        self._add_process(rng, kind, *spot, radius.astype(np.float32), slope=0.45)

    def _add_lying(self, rng: np.random.Generator) -> None:
        """A process within the plane of the slices: a chain of balls along a winding path."""
        depth, height, width = self.shape
        cell = self._new_cell(Kind.AXON if rng.random() < 0.6 else Kind.DENDRITE)
        radius = rng.uniform(9, 20)
        x, y, z = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0, depth)
        angle, rise = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.15)
        for _ in range(int(rng.integers(14, 40))):
            self._add_ball(cell, x, y, z, radius * rng.uniform(0.9, 1.15))
            angle += rng.normal(0, 0.22)
            step = 0.9 * radius
            x, y = x + step * np.cos(angle), y + step * np.sin(angle)
            z += step * rise / self.thickness


def _spread(
    rng: np.random.Generator, shape: tuple[int, int, int], spacing: float
) -> list[tuple[float, float]]:
    """Points (x, y) all over a slice and a margin around it, `spacing` pixels apart or so."""
    _, height, width = shape
    return [
        (x + rng.uniform(-0.4, 0.4) * spacing, y + rng.uniform(-0.4, 0.4) * spacing)
        for y in np.arange(-MARGIN, height + MARGIN, spacing)
        for x in np.arange(-MARGIN, width + MARGIN, spacing)
    ]


def _distance_to_zero(field: Image) -> Image:
    """How many pixels away the field is 0, judged by its slope.

    Where one cell wraps around another, the field is small and flat far away from any border.
    """
    rows, columns = np.abs(np.diff(field, axis=0)), np.abs(np.diff(field, axis=1))
    slope = np.zeros_like(field)
    for side in (slice(None, -1), slice(1, None)):
        np.maximum(slope[side], rows, out=slope[side])
    across = np.zeros_like(field)
    for side in (slice(None, -1), slice(1, None)):
        np.maximum(across[:, side], columns, out=across[:, side])
    distance: Image = field / np.maximum(np.sqrt(slope**2 + across**2), np.float32(0.2))
    return distance


def _to_blocks(image: Image) -> Image:
    """(y, x) as (y in the block, x in the block, block y, block x)."""
    height, width = image.shape
    blocks = image.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return np.ascontiguousarray(blocks.transpose(1, 3, 0, 2))


def _to_image(blocks: NDArray[Any]) -> NDArray[Any]:
    """Undo `_to_blocks`."""
    _, _, rows, columns = blocks.shape
    return blocks.transpose(2, 0, 3, 1).reshape(rows * BLOCK, columns * BLOCK)
