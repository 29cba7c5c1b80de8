"""Where to look in a layer that is too large to be read whole: boxes spread over all of it."""

import itertools
from collections.abc import Iterator

from datasets.streaming.catalog import ServedLayer, ServedMag
from datasets.streaming.presented import read_within
from datasets.voxels.array import Voxels
from datasets.voxels.box import Box

_SIDE = 32


def sampled_boxes(box: Box, per_axis: int, side: int = _SIDE) -> Iterator[Box]:
    """Up to `per_axis`^3 boxes of at most `side` voxels a side, the one in the middle first."""
    along = []
    for start, length in zip(box.offset, box.size, strict=True):
        count = min(per_axis, -(-length // side))
        room = max(length - side, 0)
        starts = [start + room * (2 * i + 1) // (2 * count) for i in range(count)]
        along.append(sorted(starts, key=lambda low, mid=start + room / 2: abs(low - mid)))  # type: ignore[misc]
    size = tuple(min(side, length) for length in box.size)
    corners = sorted(
        itertools.product(*(enumerate(starts) for starts in along)),
        key=lambda corner: sum(rank for rank, _ in corner),
    )
    for (_, x), (_, y), (_, z) in corners:
        yield Box((x, y, z), (size[0], size[1], size[2]))


def coarsest(layer: ServedLayer, at_least: int = 0) -> ServedMag | None:
    """The coarsest mag whose longest side still has `at_least` voxels, else the finest, if any."""
    mags = list(layer.mags.values())
    for mag in reversed(mags):
        if max(mag.box.size) >= at_least:
            return mag
    return mags[0] if mags else None


def sampled(mag: ServedMag, per_axis: int) -> Iterator[tuple[Box, Voxels]]:
    """The sampled boxes of a mag with their voxels (c, x, y, z)."""
    array = mag.array()
    for box in sampled_boxes(mag.box, per_axis):
        yield box, read_within(array, mag.box, box)
