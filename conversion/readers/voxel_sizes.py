"""Judges voxel sizes that files claim: many are defaults of a program, not measures."""

import math

from datasets.properties import LengthUnit, VoxelSize, parse_unit

SMALLEST_NANOMETERS = 1e-4
LARGEST_NANOMETERS = 1e9
SCREEN_AND_PRINT_DPI = (72, 75, 96, 150, 300, 600, 1200)
"""Resolutions that programs write when they know none."""


def believable(
    x: float | None, y: float | None, z: float | None, unit: LengthUnit | str | None, *, depth: int
) -> VoxelSize | None:
    """The voxel size that a file gives, or None where it is no measure.

    `unit` is as the file spells it; lengths are in it. Not believed are unknown units, 0, negative
    and infinite lengths, dots per inch of screens and printers. A single slice (`depth` 1) needs no
    z, and takes that of x; with more, a missing z makes the size unknown.
    """
    if isinstance(unit, str) and not isinstance(unit, LengthUnit):
        unit = _parsed(unit)
    z = x if depth == 1 and not _is_length(z) else z
    if unit is None or not all(_is_length(length) for length in (x, y, z)):
        return None
    assert x is not None and y is not None and z is not None  # noqa: S101 (for the type checker)
    factor = (float(x), float(y), float(z))
    nanometers = [length * unit.nanometers for length in factor]
    if not all(SMALLEST_NANOMETERS <= length <= LARGEST_NANOMETERS for length in nanometers):
        return None
    if _is_screen_or_print(nanometers[0]) and _is_screen_or_print(nanometers[1]):
        return None
    return VoxelSize(factor=factor, unit=unit)


def _parsed(unit: str) -> LengthUnit | None:
    try:
        return parse_unit(unit)
    except ValueError:
        return None


def _is_length(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value > 0


def _is_screen_or_print(nanometers: float) -> bool:
    dpi = LengthUnit.INCH.nanometers / nanometers
    return any(math.isclose(dpi, usual, rel_tol=1e-3) for usual in SCREEN_AND_PRINT_DPI)
