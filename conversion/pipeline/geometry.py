"""The few integer sums on x, y, z triples that all writers share."""

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
