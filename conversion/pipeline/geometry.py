"""The few integer sums on lengths and x, y, z triples that all writers share."""

from datasets.properties import Vec3Int


def ceil_divide(numerator: Vec3Int, denominator: Vec3Int) -> Vec3Int:
    """Divide each axis, rounded up: how many chunks cover a shape, how large a mag is."""
    (a, b, c), (x, y, z) = numerator, denominator
    return -(-a // x), -(-b // y), -(-c // z)


def floor_divide(numerator: Vec3Int, denominator: Vec3Int) -> Vec3Int:
    """Divide each axis, rounded down: which file a chunk lies in."""
    (a, b, c), (x, y, z) = numerator, denominator
    return a // x, b // y, c // z


def multiply(left: Vec3Int, right: Vec3Int) -> Vec3Int:
    (a, b, c), (x, y, z) = left, right
    return a * x, b * y, c * z


def subtract(left: Vec3Int, right: Vec3Int) -> Vec3Int:
    (a, b, c), (x, y, z) = left, right
    return a - x, b - y, c - z


def minimum(left: Vec3Int, right: Vec3Int) -> Vec3Int:
    """The smaller of each axis."""
    (a, b, c), (x, y, z) = left, right
    return min(a, x), min(b, y), min(c, z)


def maximum(left: Vec3Int, right: Vec3Int) -> Vec3Int:
    """The larger of each axis."""
    (a, b, c), (x, y, z) = left, right
    return max(a, x), max(b, y), max(c, z)


def pieces(length: int, step: int, least: int) -> list[range]:
    """Cut a length into pieces of `step`; a last one shorter than `least` joins the one before.

    Where voxels are made coarser, the volume goes on mirrored at its end: a last piece that is long
    enough holds all that is mirrored.
    """
    starts = list(range(0, length, step))
    if len(starts) > 1 and length - starts[-1] < least:
        del starts[-1]
    ends = [*starts[1:], length]
    return [range(start, end) for start, end in zip(starts, ends, strict=True)]


def add(left: Vec3Int, right: Vec3Int) -> Vec3Int:
    (a, b, c), (x, y, z) = left, right
    return a + x, b + y, c + z
