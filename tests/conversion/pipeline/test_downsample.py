"""Coarser voxels are what the public library's rules say, told here in plain numpy."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from conversion.pipeline.downsample import Filter, downsample
from datasets.properties import Vec3Int

INTEGERS = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]
FACTORS = [(2, 2, 1), (2, 2, 2), (1, 1, 2), (2, 1, 1), (2, 4, 2), (3, 1, 2)]


def blocks(source: NDArray[Any], factors: Vec3Int) -> NDArray[Any]:
    """(target z, y, x, voxel of the block), the volume going on mirrored; voxels y, x, z first."""
    fx, fy, fz = factors
    pad = [(0, -n % f) for n, f in zip(source.shape, (fz, fy, fx), strict=True)]
    padded = np.pad(source, pad, mode="symmetric")
    z, y, x = padded.shape
    split = padded.reshape(z // fz, fz, y // fy, fy, x // fx, fx)
    return split.transpose(0, 2, 4, 1, 5, 3).reshape(z // fz, y // fy, x // fx, -1)


def plain_mode(values: NDArray[Any]) -> Any:
    candidates = values.tolist()
    return max(candidates, key=candidates.count)  # the first of several


def plain(source: NDArray[Any], factors: Vec3Int, filter_: Filter) -> NDArray[Any]:
    voxels = blocks(source, factors)
    match filter_:
        case Filter.MEDIAN:
            return np.median(voxels, axis=-1).astype(source.dtype)
        case Filter.MODE:
            return np.apply_along_axis(plain_mode, -1, voxels).astype(source.dtype)
        case Filter.MEAN if source.dtype.kind == "f":
            return voxels.astype(np.float64).mean(-1).astype(source.dtype)
        case Filter.MEAN:
            return np.floor(voxels.astype(np.float64).mean(-1) + 0.5).astype(source.dtype)


def coarser(source: NDArray[Any], factors: Vec3Int, filter_: Filter) -> NDArray[Any]:
    shape = [-(-n // f) for n, f in zip(source.shape, factors[::-1], strict=True)]
    target = np.empty(shape, source.dtype)
    downsample(source, target, factors, filter_)
    return target


def volume(dtype: str, shape: tuple[int, int, int], values: int) -> NDArray[Any]:
    random = np.random.default_rng(0).integers(0, values, shape)
    if np.dtype(dtype).kind != "u":
        random -= values // 2
    return random.astype(dtype)


@pytest.mark.parametrize("filter_", list(Filter))
@pytest.mark.parametrize("dtype", [*INTEGERS, "float32", "float64"])
@pytest.mark.parametrize("factors", [(2, 2, 1), (2, 2, 2)])
def test_the_usual_factors_agree_with_numpy_for_every_type(
    dtype: str, filter_: Filter, factors: Vec3Int
) -> None:
    source = volume(dtype, (5, 9, 7), 4 if filter_ is Filter.MODE else 100)
    expected = plain(source, factors, filter_)
    np.testing.assert_array_equal(coarser(source, factors, filter_), expected, strict=True)


@pytest.mark.parametrize("filter_", list(Filter))
@pytest.mark.parametrize("factors", FACTORS)
@pytest.mark.parametrize("shape", [(4, 8, 12), (5, 9, 13), (1, 1, 1), (7, 6, 3)])
def test_any_small_factors_and_odd_edges_agree_with_numpy(
    filter_: Filter, factors: Vec3Int, shape: tuple[int, int, int]
) -> None:
    source = volume("uint8", shape, 4)
    expected = plain(source, factors, filter_)
    np.testing.assert_array_equal(coarser(source, factors, filter_), expected, strict=True)


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(*[st.integers(1, 6)] * 3),
    factors=st.sampled_from(FACTORS),
    filter_=st.sampled_from(list(Filter)),
    seed=st.integers(0, 2**32),
    values=st.integers(1, 255),
)
def test_random_volumes_agree_with_numpy(
    shape: tuple[int, int, int], factors: Vec3Int, filter_: Filter, seed: int, values: int
) -> None:
    source = np.random.default_rng(seed).integers(0, values, shape, np.uint8, endpoint=True)
    expected = plain(source, factors, filter_)
    np.testing.assert_array_equal(coarser(source, factors, filter_), expected, strict=True)


@pytest.mark.parametrize(
    ("values", "expected"), [((1, 2), 1), ((-1, -2), -1), ((-1, 0), 0), ((-128, 127), 0)]
)
def test_the_mean_of_two_middle_voxels_is_truncated_towards_zero(
    values: tuple[int, int], expected: int
) -> None:
    source = np.array([[values, values]], np.int8)
    assert coarser(source, (2, 2, 1), Filter.MEDIAN).item() == expected


@pytest.mark.parametrize("filter_", list(Filter))
@pytest.mark.parametrize(
    ("dtype", "value"), [("uint64", 2**64 - 1), ("int64", -(2**63)), ("uint64", 2**53 + 1)]
)
def test_values_of_64_bits_are_exact(filter_: Filter, dtype: str, value: int) -> None:
    source = np.full((2, 2, 2), value, dtype)
    assert coarser(source, (2, 2, 2), filter_).item() == value


@pytest.mark.parametrize(
    ("block", "winner"),
    [
        # (y, x); voxels count along y first: a c b d of [[a, b], [c, d]]
        ([[1, 2], [3, 4]], 1),
        ([[1, 2], [2, 1]], 1),
        ([[1, 2], [3, 2]], 2),
        ([[4, 3], [3, 5]], 3),
        ([[1, 7], [7, 7]], 7),
    ],
)
def test_the_first_of_equally_frequent_segments_wins(block: list[list[int]], winner: int) -> None:
    source = np.array([block], np.uint32)
    assert coarser(source, (2, 2, 1), Filter.MODE).item() == winner


@pytest.mark.parametrize("filter_", [Filter.MEDIAN, Filter.MEAN])
def test_not_a_number_spreads_to_the_coarser_voxel_only(filter_: Filter) -> None:
    source = np.ones((2, 4, 4), np.float32)
    source[1, 0, 3] = np.nan
    result = coarser(source, (2, 2, 2), filter_)
    np.testing.assert_array_equal(result, [[[1, np.nan], [1, 1]]])


def test_a_target_of_the_wrong_shape_is_refused() -> None:
    source = np.zeros((2, 5, 4), np.uint8)
    with pytest.raises(ValueError, match=r"have shape \(2, 3, 2\), not \(2, 2, 2\)"):
        downsample(source, np.zeros((2, 2, 2), np.uint8), (2, 2, 1), Filter.MEDIAN)


def test_without_a_place_for_its_cache_the_code_is_compiled_anew(tmp_path: Path) -> None:
    """A read-only installation of a user without a home directory still converts."""
    package = Path(__file__).parents[3] / "conversion/pipeline"
    source = "\n".join(
        [
            "import numba.core.caching as caching",
            "caching.CacheImpl._locator_classes = []",
            "import numpy as np",
            "from conversion.pipeline.downsample import Filter, downsample",
            "target = np.empty((1, 1, 1), np.uint8)",
            "downsample(np.full((1, 2, 2), 7, np.uint8), target, (2, 2, 1), Filter.MODE)",
            "print(target.item())",
        ]
    )
    environment = {**os.environ, "PYTHONPATH": str(package.parents[1])}
    run = subprocess.run(
        [sys.executable, "-c", source],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == "7\n", run.stderr
