"""Which mags a layer gets."""

import math
from collections.abc import Collection
from enum import StrEnum

from datasets.properties import Mag, Vec3Float, Vec3Int

FINEST = Mag(1, 1, 1)
_COARSE_PIXELS = 100
_LEAST_COARSEST = 4


class Sampling(StrEnum):
    """Which axes each mag is coarser on than the one before."""

    ANISOTROPIC = "anisotropic"
    """Those that bring the voxels nearer to cubes."""
    ISOTROPIC = "isotropic"
    """All."""
    CONSTANT_Z = "constant_z"
    """x and y; also what a single slice gets, whatever is asked for."""


def mag_ladder(
    shape: Vec3Int,
    voxel_size: Vec3Float,
    *,
    sampling: Sampling = Sampling.ANISOTROPIC,
    coarsest: Mag | None = None,
    start: Mag = FINEST,
    others: Collection[Mag] = (),
) -> list[Mag]:
    """The mags of a layer of `shape` voxels of mag 1, from `start` up, as `webknossos convert` and
    `webknossos downsample` make them.

    An anisotropic step doubles either all axes, or only those with the smallest voxels: whichever
    leaves the voxels nearer to a cube. The ladder ends at `coarsest`, or where a slice is about 100
    pixels wide, at 4 at least; no axis becomes coarser than `coarsest` on it. A step that leaves
    the largest factor as it was is taken, but makes no mag of its own, since mags are told apart by
    their largest factor; so a mag may be 4 times coarser on an axis than the one before.
    Where another layer has a mag (`others`) of twice the largest factor, it is taken instead.
    `voxel_size` may be in any unit. Raises ValueError where such steps never reach `coarsest`.
    """
    limit = coarsest or _default_coarsest(shape)
    if sampling is Sampling.CONSTANT_Z or shape[2] == 1:
        sampling, limit = Sampling.CONSTANT_Z, Mag(limit.x, limit.y, start.z)
    known = {max(mag): mag for mag in others}
    mags = [start]
    current = start
    while max(current) < max(limit):
        finer = current
        factors = _factors(current, voxel_size) if sampling is Sampling.ANISOTROPIC else (2, 2, 2)
        current = known.get(2 * max(finer)) or Mag(
            *(min(f * by, e) for f, by, e in zip(finer, factors, limit, strict=True))
        )
        if current == finer:
            raise ValueError(
                f"Mag {limit.literal} is not reached from mag {finer.literal}: with these voxels "
                f"the next one is coarser on another axis."
            )
        if max(current) > max(finer):
            mags.append(current)
    return mags


def _default_coarsest(shape: Vec3Int) -> Mag:
    widest = max(shape[0], shape[1])
    factor = max(2 ** math.ceil(math.log2(widest / _COARSE_PIXELS)), _LEAST_COARSEST)
    return Mag(factor, factor, factor)


def _factors(mag: Mag, voxel_size: Vec3Float) -> Vec3Int:
    lengths = [factor * length for factor, length in zip(mag, voxel_size, strict=True)]
    smallest = min(lengths)
    x, y, z = (2 if length == smallest else 1 for length in lengths)
    stretched = [length * factor for length, factor in zip(lengths, (x, y, z), strict=True)]
    if max(lengths) / smallest < max(stretched) / min(stretched):
        return 2, 2, 2
    return x, y, z
