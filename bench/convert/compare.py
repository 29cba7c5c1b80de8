"""Tells whether two converted layers hold the same voxels in the same mags."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 512


def mags(layer: Path) -> dict[str, Path]:
    """The arrays of a layer by their mag, 2-2-1 and the like."""
    found = {path.parent.name: path.parent for path in layer.glob("*/zarr.json")}
    return dict(sorted(found.items(), key=lambda item: [int(part) for part in item[0].split("-")]))


def check_equal(ours: Path, theirs: Path) -> None:
    """Raise AssertionError that names the mag and the box where two layers differ.

    Arrays may be padded to whole shards: what lies outside of the smaller one must be zero.
    """
    if list(mags(ours)) != list(mags(theirs)):
        raise AssertionError(f"Mags {list(mags(ours))} are not {list(mags(theirs))}.")
    for mag, directory in mags(ours).items():
        left, right = _opened(directory), _opened(mags(theirs)[mag])
        shape = np.maximum(left.shape, right.shape)
        starts = product(*(range(0, length, BLOCK) for length in shape[1:]))

        def differs(start: tuple[int, ...], left: Any = left, right: Any = right) -> bool:
            return not np.array_equal(_block(left, start), _block(right, start))

        boxes = list(starts)
        with ThreadPoolExecutor(2) as pool:
            for box, is_different in zip(boxes, pool.map(differs, boxes), strict=True):
                if is_different:
                    raise AssertionError(f"Mag {mag} differs in the {BLOCK} voxels from {box}.")


def size(layer: Path) -> int:
    """Bytes of all files of a layer."""
    return sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())


def _opened(directory: Path) -> Any:
    import tensorstore  # not before the stacks were painted in threads

    return tensorstore.open(
        {
            "driver": "zarr3",
            "kvstore": {"driver": "file", "path": str(directory)},
        }
    ).result()


def _block(array: Any, start: tuple[int, ...]) -> Any:
    """The voxels of a block, zeros outside of the array."""
    block = np.zeros((array.shape[0], BLOCK, BLOCK, BLOCK), array.dtype.numpy_dtype)
    stops = [
        min(first + BLOCK, length) for first, length in zip(start, array.shape[1:], strict=True)
    ]
    if all(first < stop for first, stop in zip(start, stops, strict=True)):
        x, y, z = (slice(first, stop) for first, stop in zip(start, stops, strict=True))
        voxels = array[:, x, y, z].read().result()
        block[tuple(slice(length) for length in voxels.shape)] = voxels
    return block
