"""Which mags a layer gets."""

import math

from datasets.properties import Mag, Vec3Float, Vec3Int

FINEST = Mag(1, 1, 1)
_COARSE_PIXELS = 100
_LEAST_COARSEST = 4


def mag_ladder(shape: Vec3Int, voxel_size: Vec3Float) -> list[Mag]:
    """The mags of a layer of `shape` voxels, from mag 1 up, as `webknossos convert` makes them.

    Each step doubles either all axes, or only those with the smallest voxels: whichever leaves
    the voxels nearer to a cube. The ladder ends where a slice is about 100 pixels wide, at 4 at
    least. A step that leaves the largest factor as it was is taken, but makes no mag of its own,
    since mags are told apart by their largest factor; so a mag may be 4 times coarser on an axis
    than the one before. `voxel_size` may be in any unit.
    """
    widest = max(shape[0], shape[1])
    coarsest = max(2 ** math.ceil(math.log2(widest / _COARSE_PIXELS)), _LEAST_COARSEST)
    mags = [FINEST]
    current = FINEST
    while max(current) < coarsest:
        previous, current = current, _coarser(current, voxel_size)
        if max(current) > max(previous):
            mags.append(current)
    return mags


def _coarser(mag: Mag, voxel_size: Vec3Float) -> Mag:
    lengths = [factor * length for factor, length in zip(mag, voxel_size, strict=True)]
    smallest = min(lengths)
    factors = [2 if length == smallest else 1 for length in lengths]
    stretched = [length * factor for length, factor in zip(lengths, factors, strict=True)]
    if max(lengths) / smallest < max(stretched) / min(stretched):
        factors = [2, 2, 2]
    x, y, z = (factor * by for factor, by in zip(mag, factors, strict=True))
    return Mag(x, y, z)
