"""Where to look in a layer that is too large to be read whole: boxes spread over all of it."""

import itertools
from collections.abc import Callable, Iterator

from datasets.streaming.catalog import ServedLayer, ServedMag
from datasets.streaming.presented import read_within
from datasets.voxels.array import Voxels
from datasets.voxels.box import Box
from sharing.errors import ServiceError

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
    return coarsest_where(layer, lambda mag: max(mag.box.size) >= at_least)


def coarsest_where(layer: ServedLayer, suffices: Callable[[ServedMag], bool]) -> ServedMag | None:
    """The coarsest mag that suffices, else the finest; mags that can't be read are passed over.

    Of a layer without any that can be read, the finest mag: reading it tells what is wrong.
    """
    mags = list(layer.mags.values())
    sufficient = [mag for mag in reversed(mags) if suffices(mag)]
    others = [mag for mag in mags if not suffices(mag)]
    for mag in (*sufficient, *others):
        if _is_readable(mag):
            return mag
    return mags[0] if mags else None


def _is_readable(mag: ServedMag) -> bool:
    """As far as the last scan and a look tell; of an array that is open, the data may be gone."""
    if mag.row.problem:
        return False
    try:
        mag.directory()
    except ServiceError:
        return False
    return mag.is_readable


def sampled(mag: ServedMag, per_axis: int) -> Iterator[tuple[Box, Voxels]]:
    """The sampled boxes of a mag with their voxels (c, x, y, z)."""
    array = mag.array()
    for box in sampled_boxes(mag.box, per_axis):
        yield box, read_within(array, mag.box, box)
