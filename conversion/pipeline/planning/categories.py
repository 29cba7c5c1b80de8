"""Whether a layer is an image, or a segmentation whose numbers are ids.

Metadata that say so come first, then names, as in the public library's guess; of 32 and 64 bits,
which both images and ids may have, a few rows of voxels are looked at.
"""

import re
from collections.abc import Sequence

import numpy as np

from conversion.pipeline.sources import Source
from datasets.properties import Category

_NAMED = re.compile(r"segmentation|labels|(?<![a-z])(label|masks?|seg)(?![a-z])")
_WIDE = (np.uint32, np.uint64)
_ROWS = 64
_LEAST_ALIKE = 0.5


def guessed(
    source: Source, names: Sequence[str], axes: Sequence[str], *, is_labels: bool
) -> tuple[Category, str]:
    """The category, and why it is a segmentation.

    `names` are of the layer and of the files and folders it comes from; `axes` the additional ones.
    Reads some rows of the middle slice where the names say nothing and ids are likely, of the first
    one where the middle is empty.
    """
    if source.dtype.kind not in "ui" or source.num_channels > 1:
        return Category.COLOR, ""
    if is_labels:
        return Category.SEGMENTATION, "its metadata"
    for name in names:
        if found := _NAMED.search(name.lower()):
            return Category.SEGMENTATION, f"the name '{found[0]}'"
    if source.dtype in _WIDE and _has_areas(source, axes):
        return Category.SEGMENTATION, f"its {source.dtype.name} voxels, which form areas"
    return Category.COLOR, ""


def _has_areas(source: Source, axes: Sequence[str]) -> bool:
    """Whether most voxels that are not 0 have the value of their neighbour, as in no image."""
    width, height, depth = source.shape
    start = max((height - _ROWS) // 2, 0)
    rows = range(start, min(start + _ROWS, height))
    voxels = np.empty((source.num_channels, 1, len(rows), width), source.dtype)
    for z in (depth // 2, 0):
        source.read(dict.fromkeys(axes, 0), range(z, z + 1), rows, voxels)
        left, right = voxels[..., :-1], voxels[..., 1:]
        is_filled = left != 0
        if is_filled.any():
            return bool((left == right)[is_filled].mean() >= _LEAST_ALIKE)
    return False
