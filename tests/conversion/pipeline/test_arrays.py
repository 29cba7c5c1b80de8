"""Zarr and WKW arrays, written slab by slab, as other programs read them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conversion.pipeline.wkw_array import WkwArray
from conversion.pipeline.zarr_array import COARSER_SHARD_SHAPE, ZarrArray
from conversion.pipeline.zstd import ZstdProfile
from datasets.properties import Vec3Int
from tests.conversion.pipeline import reading

DTYPES = [
    "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64",
]  # fmt: skip
SHAPE = (70, 45, 41)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def voxels(dtype: str, shape: Vec3Int = SHAPE, channels: int = 1) -> NDArray[Any]:
    rng = np.random.default_rng(1)
    x, y, z = shape
    values: NDArray[Any] = rng.integers(0, 100, (channels, z, y, x)).astype(dtype)
    if np.dtype(dtype).kind == "f":
        values /= 7
    elif np.dtype(dtype).kind == "i":
        values -= 50
    else:
        values[..., :3] = np.iinfo(dtype).max
    return values


def zarr_array(
    directory: Path,
    dtype: str = "uint8",
    shape: Vec3Int = SHAPE,
    channels: int = 1,
    largest_shard: Vec3Int = COARSER_SHARD_SHAPE,
    profile: ZstdProfile = ZstdProfile.TUNED,
) -> ZarrArray:
    return ZarrArray(
        directory,
        shape=shape,
        dtype=np.dtype(dtype),
        num_channels=channels,
        largest_shard=largest_shard,
        profile=profile,
    )


def wkw_array(
    directory: Path, dtype: str = "uint8", shape: Vec3Int = SHAPE, channels: int = 1
) -> WkwArray:
    return WkwArray(directory, shape=shape, dtype=np.dtype(dtype), num_channels=channels)


def write(array: ZarrArray | WkwArray, data: NDArray[Any], pool: ThreadPoolExecutor) -> None:
    with array.writer(pool) as writer:
        for z in range(0, data.shape[1], 32):
            writer.write(data[:, z : z + 32], (0, 0, z))
    array.write_metadata()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_zarr_voxels_are_read_back_by_two_other_programs(
    tmp_path: Path, pool: ThreadPoolExecutor, dtype: str, channels: int
) -> None:
    data = voxels(dtype, channels=channels)
    write(zarr_array(tmp_path, dtype, channels=channels), data, pool)
    assert reading.with_zarr(tmp_path).dtype == dtype
    np.testing.assert_array_equal(reading.with_zarr(tmp_path), data)
    np.testing.assert_array_equal(reading.with_tensorstore(tmp_path), data)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_wkw_voxels_are_read_back_by_the_wkw_package(
    tmp_path: Path, pool: ThreadPoolExecutor, dtype: str, channels: int
) -> None:
    data = voxels(dtype, channels=channels)
    write(wkw_array(tmp_path, dtype, channels=channels), data, pool)
    np.testing.assert_array_equal(reading.with_wkw(tmp_path, SHAPE), data)


@pytest.mark.parametrize("shape", [(1, 1, 1), (32, 32, 32), (33, 31, 65), (129, 2, 3)])
def test_any_size_is_written(tmp_path: Path, pool: ThreadPoolExecutor, shape: Vec3Int) -> None:
    data = voxels("uint16", shape)
    write(zarr_array(tmp_path / "zarr", "uint16", shape), data, pool)
    write(wkw_array(tmp_path / "wkw", "uint16", shape), data, pool)
    np.testing.assert_array_equal(reading.with_tensorstore(tmp_path / "zarr"), data)
    np.testing.assert_array_equal(reading.with_wkw(tmp_path / "wkw", shape), data)


@pytest.mark.parametrize("profile", list(ZstdProfile))
@pytest.mark.parametrize("dtype", ["uint8", "uint64"])
def test_every_profile_gives_frames_that_others_decode(
    tmp_path: Path, pool: ThreadPoolExecutor, profile: ZstdProfile, dtype: str
) -> None:
    data = voxels(dtype)
    write(zarr_array(tmp_path, dtype, profile=profile), data, pool)
    np.testing.assert_array_equal(reading.with_zarr(tmp_path), data)
    np.testing.assert_array_equal(reading.with_tensorstore(tmp_path), data)


def test_an_array_of_several_shards_and_cubes_is_put_together_right(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    data = voxels("uint8", (170, 101, 67))
    write(zarr_array(tmp_path, shape=(170, 101, 67), largest_shard=(64, 96, 32)), data, pool)
    assert len([f for f in reading.files_below(tmp_path) if f.startswith("c/")]) == 3 * 2 * 3
    np.testing.assert_array_equal(reading.with_zarr(tmp_path), data)


def test_a_wide_array_has_several_wkw_cubes(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    data = voxels("uint8", (1030, 3, 40))
    write(wkw_array(tmp_path, shape=(1030, 3, 40)), data, pool)
    assert reading.files_below(tmp_path) == ["header.wkw", "z0/y0/x0.wkw", "z0/y0/x1.wkw"]
    np.testing.assert_array_equal(reading.with_wkw(tmp_path, (1030, 3, 40)), data)


def test_regions_of_zeros_take_no_room_and_read_as_zeros(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    data = np.zeros((1, 64, 64, 128), np.uint8)
    data[0, 40, 50, 60] = 9
    layout = {"shape": (128, 64, 64), "largest_shard": (64, 64, 32)}
    write(zarr_array(tmp_path / "zarr", **layout), data, pool)
    write(wkw_array(tmp_path / "wkw", shape=(128, 64, 64)), data, pool)
    assert reading.files_below(tmp_path / "zarr") == ["c/0/0/0/1", "zarr.json"]
    np.testing.assert_array_equal(reading.with_zarr(tmp_path / "zarr"), data)
    np.testing.assert_array_equal(reading.with_tensorstore(tmp_path / "zarr"), data)
    np.testing.assert_array_equal(reading.with_wkw(tmp_path / "wkw", (128, 64, 64)), data)


def test_the_codecs_are_those_of_the_public_library(tmp_path: Path) -> None:
    metadata = zarr_array(tmp_path, shape=(5000, 200, 40), channels=3).metadata()
    assert metadata["shape"] == [3, 5000, 200, 40]
    assert metadata["dimension_names"] == ["c", "x", "y", "z"]
    assert metadata["chunk_grid"]["configuration"]["chunk_shape"] == [3, 1024, 224, 64]
    (sharding,) = metadata["codecs"]
    assert sharding["name"] == "sharding_indexed"
    assert sharding["configuration"]["chunk_shape"] == [3, 32, 32, 32]
    assert [codec["name"] for codec in sharding["configuration"]["codecs"]] == [
        "transpose",
        "bytes",
        "zstd",
    ]
    assert sharding["configuration"]["index_location"] == "end"


def test_workers_write_shards_of_one_array_without_each_other(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    data = voxels("uint8", (128, 64, 64))
    layout = {"shape": (128, 64, 64), "largest_shard": (64, 64, 64)}
    for x in (64, 0):
        with zarr_array(tmp_path, **layout).writer(pool) as writer:
            for z in (32, 0):
                writer.write(data[:, z : z + 32, :, x : x + 64], (x, 0, z))
    zarr_array(tmp_path, **layout).write_metadata()
    np.testing.assert_array_equal(reading.with_zarr(tmp_path), data)


def test_a_shard_is_published_as_soon_as_its_last_chunk_is_there(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    data = voxels("uint8", (64, 64, 96))
    array = zarr_array(tmp_path, shape=(64, 64, 96), largest_shard=(64, 64, 64))
    with array.writer(pool) as writer:
        for z, shards in ((0, []), (32, ["c/0/0/0/0"]), (64, ["c/0/0/0/0", "c/0/0/0/1"])):
            for task in writer.write(data[:, z : z + 32], (0, 0, z)):
                task.result()
            assert [f for f in reading.files_below(tmp_path) if "part" not in f] == shards


@pytest.mark.parametrize("kind", [zarr_array, wkw_array])
def test_an_error_between_slabs_leaves_no_file_behind(
    tmp_path: Path, pool: ThreadPoolExecutor, kind: Any
) -> None:
    with pytest.raises(ZeroDivisionError), kind(tmp_path).writer(pool) as writer:
        writer.write(voxels("uint8")[:, :32])
        raise ZeroDivisionError
    assert reading.files_below(tmp_path) == []


@pytest.mark.parametrize("kind", [zarr_array, wkw_array])
def test_a_full_disk_is_reported_and_leaves_no_file_behind(
    tmp_path: Path, pool: ThreadPoolExecutor, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"), kind(tmp_path).writer(pool) as writer:
        writer.write(voxels("uint8")[:, :32])
        writer.write(voxels("uint8")[:, 32:], (0, 0, 32))
    assert reading.files_below(tmp_path) == []


def test_abort_stops_what_is_still_waiting_in_the_pool(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        gate = threading.Event()
        pool.submit(gate.wait)
        writer = zarr_array(tmp_path).writer(pool)
        tasks = writer.write(voxels("uint8")[:, :32])
        writer.abort()
        assert all(task.cancelled() for task in tasks)
        gate.set()
    assert reading.files_below(tmp_path) == []


def test_voxels_of_a_finished_shard_are_not_written_again(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    data = voxels("uint8", (32, 32, 32))
    array = zarr_array(tmp_path, shape=(32, 32, 32))
    with pytest.raises(ValueError, match="finished before"), array.writer(pool) as writer:
        for task in writer.write(data):
            task.result()
        writer.write(data + np.uint8(1))
    array.write_metadata()
    np.testing.assert_array_equal(reading.with_zarr(tmp_path), data)


@pytest.mark.parametrize(
    ("shape", "corner", "complaint"),
    [
        ((1, 32, 45, 70), (0, 0, 16), "from 16 to 48 on axis z"),
        ((1, 16, 45, 70), (0, 0, 0), "from 0 to 16 on axis z"),
        ((1, 32, 45, 70), (0, 0, 32), "from 32 to 64 on axis z"),
        ((1, 32, 32, 71), (0, 0, 0), "from 0 to 71 on axis x"),
        ((2, 32, 45, 70), (0, 0, 0), "2 channels"),
    ],
)
def test_a_slab_that_does_not_fit_is_refused(
    tmp_path: Path,
    pool: ThreadPoolExecutor,
    shape: tuple[int, ...],
    corner: Vec3Int,
    complaint: str,
) -> None:
    writer = zarr_array(tmp_path).writer(pool)
    with pytest.raises(ValueError, match=complaint):
        writer.write(np.ones(shape, np.uint8), corner)


def test_wkw_refuses_voxels_that_its_header_can_not_describe(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="256 bytes"):
        wkw_array(tmp_path, "uint64", channels=32)
