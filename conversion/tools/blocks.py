"""Cuts a mag into blocks that are small enough for memory, and reads them ahead."""

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TypeVar

from conversion.pipeline.geometry import ceil_divide, floor_divide, multiply
from conversion.tools.opened import OpenedMag
from conversion.tools.problem import ToolProblem
from datasets.properties import Vec3Int
from datasets.voxels.array import Voxels
from datasets.voxels.box import Box
from datasets.voxels.errors import VoxelsError

BLOCK_BYTES = 32 * 2**20
"""Of decoded voxels; a few blocks are in memory at a time."""

Index = Mapping[str, int]
"""On each additional axis."""
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Block:
    """A box of a mag's voxels (c, x, y, z), at an index on the additional axes."""

    index: Index
    box: Box
    voxels: Voxels


def read_blocks(mag: OpenedMag, *, threads: int = 2) -> Generator[Block, None, None]:
    """All voxels of the layer's bounding box in this mag; blocks begin and end on borders of its
    chunks. Raises ToolProblem where they can't be decoded.
    """
    x, y, z = mag.array.chunk_shape[1:]
    shape = block_shape(
        (x, y, z), limit=mag.box.size, covered=(x, y, z), voxel_bytes=mag.voxel_bytes
    )
    wanted = ((index, box) for index in mag.indices() for box in blocks_of(mag.box, shape))
    with ThreadPoolExecutor(threads) as pool:
        yield from ahead(pool, partial(_read, mag), wanted, threads)


def read(mag: OpenedMag, box: Box, index: Index) -> Voxels:
    """The voxels (c, x, y, z) of a box. Raises ToolProblem where they can't be decoded."""
    try:
        return mag.array.read(box, additional=index)
    except VoxelsError as error:
        raise ToolProblem(
            f"Mag {mag.mag.literal} of layer '{mag.layer.name}' can't be read. {error}",
            "Restore the file, or the whole mag.",
        ) from error


def blocks_of(box: Box, shape: Vec3Int) -> Iterator[Box]:
    """The box, cut at multiples of `shape`; z counts up the slowest."""
    first, end = floor_divide(box.offset, shape), ceil_divide(box.end, shape)
    for z, y, x in product(*(range(first[axis], end[axis]) for axis in (2, 1, 0))):
        yield Box(multiply((x, y, z), shape), shape).clipped(box)


def block_shape(
    chunk_shape: Vec3Int, *, limit: Vec3Int, covered: Vec3Int, voxel_bytes: int
) -> Vec3Int:
    """Chunks, doubled on the axis where they are the shortest against `covered`, while a block has
    at most BLOCK_BYTES and is no larger than needed to hold `limit`.
    """
    shape = list(chunk_shape)
    while 2 * math.prod(shape) * voxel_bytes <= BLOCK_BYTES:
        growing = [axis for axis in range(3) if shape[axis] < limit[axis]]
        if not growing:
            break
        shape[min(growing, key=lambda axis: shape[axis] / covered[axis])] *= 2
    return shape[0], shape[1], shape[2]


def add(left: Vec3Int, right: Vec3Int) -> Vec3Int:
    """Add each axis."""
    (a, b, c), (x, y, z) = left, right
    return a + x, b + y, c + z


def ahead(
    pool: ThreadPoolExecutor, make: Callable[[Item], Result], items: Iterable[Item], count: int
) -> Iterator[Result]:
    """What `make` makes of each item, in order, with `count` of them made ahead by the pool."""
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _read(mag: OpenedMag, place: tuple[Index, Box]) -> Block:
    index, box = place
    return Block(index, box, read(mag, box, index))
