"""Makes a coarser slab of voxels from a finer one, exactly as the public Python library would.

That library's rules: median for images, where an even number of voxels gives the mean of the two
middle ones, truncated; mode for segmentations; the volume goes on mirrored where a block juts out.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.pipeline import kernels
from conversion.pipeline.filters import Filter as Filter
from datasets.properties import Vec3Int

General = Callable[[NDArray[Any], NDArray[Any], kernels.ZYX, kernels.ZYX, kernels.ZYX], None]
Quick = Callable[[NDArray[Any], NDArray[Any]], None]


_QUICK: dict[tuple[Filter, Vec3Int], Quick] = {
    (Filter.MEDIAN, (2, 2, 1)): kernels.median_2x2x1,
    (Filter.MEDIAN, (2, 2, 2)): kernels.median_2x2x2,
    (Filter.MODE, (2, 2, 1)): kernels.mode_2x2x1,
    (Filter.MODE, (2, 2, 2)): kernels.mode_2x2x2,
}
"""Loops for the usual factors (x, y, z), on whole blocks of integers."""


def downsample(
    source: NDArray[Any], target: NDArray[Any], factors: Vec3Int, filter_: Filter
) -> None:
    """Fill `target` with every block of `factors` (x, y, z) voxels of `source` made into one.

    Both are C-order (z, y, x) of one dtype; `target` has the size of `source` divided by the
    factors, rounded up. Runs without the GIL, so that threads can share the work by `target`'s
    z: see `parts`. 64-bit integers are exact, where the public library goes through floats.
    Raises ValueError where the shapes don't belong together.
    """
    expected = tuple(
        -(-length // factor) for length, factor in zip(source.shape, factors[::-1], strict=True)
    )
    if target.shape != expected or target.dtype != source.dtype:
        raise ValueError(
            f"{source.dtype} voxels of shape {source.shape} (z, y, x), made coarser by {factors} "
            f"(x, y, z), have shape {expected}, not {target.shape} of {target.dtype}."
        )
    if filter_ is Filter.MODE:
        # Values are only compared, so that one loop for each width of voxels is enough.
        unsigned = f"u{source.dtype.itemsize}"
        source, target = source.view(unsigned), target.view(unsigned)
    size = (factors[2], factors[1], factors[0])
    depth, height, width = target.shape
    whole_depth, whole_height, whole_width = (
        length // factor for length, factor in zip(source.shape, size, strict=True)
    )
    general = _general(filter_, source.dtype)
    quick = _QUICK.get((filter_, factors)) if source.dtype.kind in "iu" else None
    if quick is not None:
        quick(source, target)
    else:
        general(source, target, size, (0, 0, 0), (whole_depth, whole_height, whole_width))
    # What juts out: the last column, the last row, the last slice.
    if whole_width < width:
        general(source, target, size, (0, 0, whole_width), (depth, height, width))
    if whole_height < height:
        general(source, target, size, (0, whole_height, 0), (depth, height, whole_width))
    if whole_depth < depth:
        general(source, target, size, (whole_depth, 0, 0), (depth, whole_height, whole_width))


def _general(filter_: Filter, dtype: np.dtype[Any]) -> General:
    match filter_:
        case Filter.MEDIAN:
            return kernels.median
        case Filter.MODE:
            return kernels.mode
        case Filter.MEAN:
            return kernels.mean_of_floats if dtype.kind == "f" else kernels.mean_of_integers
