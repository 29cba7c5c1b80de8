"""The compiled loops of downsampling, over C-order (z, y, x) arrays.

Each fills the box of `target` from `start` up to `stop`; one of its voxels is made of a block of
`factors` voxels of `source`. Which loop suits what is for `downsample`.
"""

from typing import Any, TypeAlias

import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray

from conversion.pipeline.jit import jit

Array: TypeAlias = NDArray[Any]
ZYX: TypeAlias = tuple[int, int, int]


def _midpoint(low: Any, high: Any) -> Any:
    """The mean of two values; of integers truncated towards zero, exact and without overflow.

    Compiled kernels get one of the versions below, by type; plain Python has none.
    """
    raise NotImplementedError


@overload(_midpoint)
def _compile_midpoint(low: Any, high: Any) -> Any:
    def of_floats(low: Any, high: Any) -> Any:
        return (low + high) / 2

    def of_unsigned(low: Any, high: Any) -> Any:
        return (low & high) + ((low ^ high) >> 1)

    def of_signed(low: Any, high: Any) -> Any:
        floor = (low & high) + ((low ^ high) >> 1)
        return floor + ((floor < 0) & (low ^ high) & 1)

    if isinstance(low, types.Float):
        return of_floats
    return of_signed if low.signed else of_unsigned


@jit
def _mirrored(index: int, length: int) -> int:
    """What stands in for a voxel beyond the end: the array goes on mirrored."""
    if index < length:
        return index
    index %= 2 * length
    return index if index < length else 2 * length - 1 - index


@jit
def median(source: Array, target: Array, factors: ZYX, start: ZYX, stop: ZYX) -> None:
    """Median of blocks of any size; NaN where a block has one."""
    depth, height, width = factors
    size = depth * height * width
    block = np.empty(size, source.dtype)
    for z in range(start[0], stop[0]):
        for y in range(start[1], stop[1]):
            for x in range(start[2], stop[2]):
                filled = 0
                has_nan = False
                for dz in range(depth):
                    source_z = _mirrored(z * depth + dz, source.shape[0])
                    for dy in range(height):
                        source_y = _mirrored(y * height + dy, source.shape[1])
                        for dx in range(width):
                            source_x = _mirrored(x * width + dx, source.shape[2])
                            value = source[source_z, source_y, source_x]
                            has_nan |= value != value
                            place = filled
                            while place > 0 and block[place - 1] > value:
                                block[place] = block[place - 1]
                                place -= 1
                            block[place] = value
                            filled += 1
                if has_nan:
                    target[z, y, x] = np.nan
                elif size % 2:
                    target[z, y, x] = block[size // 2]
                else:
                    target[z, y, x] = _midpoint(block[size // 2 - 1], block[size // 2])


@jit
def median_2x2x1(source: Array, target: Array) -> None:
    """Median of whole blocks of 2x2x1 (x, y, z) integers."""
    for z in range(source.shape[0]):
        for y in range(source.shape[1] // 2):
            upper, lower = source[z, 2 * y], source[z, 2 * y + 1]
            row = target[z, y]
            for x in range(source.shape[2] // 2):
                a, b, c, d = upper[2 * x], upper[2 * x + 1], lower[2 * x], lower[2 * x + 1]
                row[x] = _midpoint(
                    max(min(a, b), min(c, d)),
                    min(max(a, b), max(c, d)),
                )


@jit
def _sorted(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Sort four values."""
    low, high = min(a, b), max(a, b)
    left, right = min(c, d), max(c, d)
    first, fourth = min(low, left), max(high, right)
    second, third = max(low, left), min(high, right)
    return first, min(second, third), max(second, third), fourth


@jit
def median_2x2x2(source: Array, target: Array) -> None:
    """Median of whole blocks of 2x2x2 integers.

    Of two sorted quadruples a and b, the four smallest of all are min(a[i], b[3 - i]) and the
    four largest max(a[i], b[3 - i]); the two middle ones are their largest and smallest.
    """
    for z in range(source.shape[0] // 2):
        for y in range(source.shape[1] // 2):
            rows = (
                source[2 * z, 2 * y],
                source[2 * z, 2 * y + 1],
                source[2 * z + 1, 2 * y],
                source[2 * z + 1, 2 * y + 1],
            )
            row = target[z, y]
            for x in range(source.shape[2] // 2):
                left, right = 2 * x, 2 * x + 1
                a = _sorted(rows[0][left], rows[0][right], rows[1][left], rows[1][right])
                b = _sorted(rows[2][left], rows[2][right], rows[3][left], rows[3][right])
                row[x] = _midpoint(
                    max(
                        max(min(a[0], b[3]), min(a[1], b[2])),
                        max(min(a[2], b[1]), min(a[3], b[0])),
                    ),
                    min(
                        min(max(a[0], b[3]), max(a[1], b[2])),
                        min(max(a[2], b[1]), max(a[3], b[0])),
                    ),
                )


@jit
def mode(source: Array, target: Array, factors: ZYX, start: ZYX, stop: ZYX) -> None:
    """The most frequent value of blocks of any size.

    Among equally frequent ones the first wins, counted along y, then x, then z, as in the public
    Python library.
    """
    depth, height, width = factors
    size = depth * height * width
    block = np.empty(size, source.dtype)
    for z in range(start[0], stop[0]):
        for y in range(start[1], stop[1]):
            for x in range(start[2], stop[2]):
                filled = 0
                for dz in range(depth):
                    source_z = _mirrored(z * depth + dz, source.shape[0])
                    for dx in range(width):
                        source_x = _mirrored(x * width + dx, source.shape[2])
                        for dy in range(height):
                            source_y = _mirrored(y * height + dy, source.shape[1])
                            block[filled] = source[source_z, source_y, source_x]
                            filled += 1
                best, best_count = block[0], 0
                for i in range(size):
                    count = 0
                    for j in range(i, size):
                        count += block[j] == block[i]
                    if count > best_count:
                        best, best_count = block[i], count
                target[z, y, x] = best


@jit
def mode_2x2x1(source: Array, target: Array) -> None:
    """The most frequent value of whole blocks of 2x2x1 (x, y, z), the first one as in `mode`."""
    for z in range(source.shape[0]):
        for y in range(source.shape[1] // 2):
            upper, lower = source[z, 2 * y], source[z, 2 * y + 1]
            row = target[z, y]
            for x in range(source.shape[2] // 2):
                a, b, c, d = upper[2 * x], lower[2 * x], upper[2 * x + 1], lower[2 * x + 1]
                if a in (b, c, d):
                    row[x] = a
                elif b in (c, d):
                    row[x] = b
                elif c == d:
                    row[x] = c
                else:
                    row[x] = a


@jit
def mode_2x2x2(source: Array, target: Array) -> None:
    """The most frequent value of whole blocks of 2x2x2: most are of one segment only."""
    for z in range(source.shape[0] // 2):
        for y in range(source.shape[1] // 2):
            front_upper, front_lower = source[2 * z, 2 * y], source[2 * z, 2 * y + 1]
            back_upper, back_lower = source[2 * z + 1, 2 * y], source[2 * z + 1, 2 * y + 1]
            row = target[z, y]
            for x in range(source.shape[2] // 2):
                left, right = 2 * x, 2 * x + 1
                block = (
                    front_upper[left],
                    front_lower[left],
                    front_upper[right],
                    front_lower[right],
                    back_upper[left],
                    back_lower[left],
                    back_upper[right],
                    back_lower[right],
                )
                best, best_count = block[0], 0
                for i in range(8):
                    best_count += block[i] == best
                if best_count < 4:
                    for i in range(1, 7):
                        count = 0
                        for j in range(i, 8):
                            count += block[j] == block[i]
                        if count > best_count:
                            best, best_count = block[i], count
                row[x] = best


@jit
def mean_of_integers(source: Array, target: Array, factors: ZYX, start: ZYX, stop: ZYX) -> None:
    """Mean, rounded to the nearest integer, halves up.

    Upper and lower 32 bits are summed apart, so that 64-bit values are exact and don't overflow.
    """
    depth, height, width = factors
    size = depth * height * width
    for z in range(start[0], stop[0]):
        for y in range(start[1], stop[1]):
            for x in range(start[2], stop[2]):
                upper, lower = np.int64(0), np.int64(0)
                for dz in range(depth):
                    source_z = _mirrored(z * depth + dz, source.shape[0])
                    for dy in range(height):
                        source_y = _mirrored(y * height + dy, source.shape[1])
                        for dx in range(width):
                            source_x = _mirrored(x * width + dx, source.shape[2])
                            value = source[source_z, source_y, source_x]
                            upper += np.int64(value >> 32)
                            lower += np.int64(value & 0xFFFFFFFF)
                quotient, remainder = upper // size, upper % size
                target[z, y, x] = (quotient << 32) + ((remainder << 32) + lower + size // 2) // size


@jit
def mean_of_floats(source: Array, target: Array, factors: ZYX, start: ZYX, stop: ZYX) -> None:
    """Mean, summed in double precision."""
    depth, height, width = factors
    for z in range(start[0], stop[0]):
        for y in range(start[1], stop[1]):
            for x in range(start[2], stop[2]):
                total = 0.0
                for dz in range(depth):
                    source_z = _mirrored(z * depth + dz, source.shape[0])
                    for dy in range(height):
                        source_y = _mirrored(y * height + dy, source.shape[1])
                        for dx in range(width):
                            source_x = _mirrored(x * width + dx, source.shape[2])
                            total += source[source_z, source_y, source_x]
                target[z, y, x] = total / (depth * height * width)
