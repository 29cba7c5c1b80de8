"""Opened arrays are shared, opened once, and dropped by version and age."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import zarr

from datasets.voxels.array import VoxelArray
from datasets.voxels.box import Box
from datasets.voxels.cache import ArrayCache, ArrayKey
from datasets.voxels.errors import VoxelsMissing
from datasets.voxels.open import open_mag

KEY = ArrayKey("d1", "v1", "color", "1")


@pytest.fixture
def mag(tmp_path: Path) -> Path:
    array = zarr.create_array(
        str(tmp_path), shape=(1, 16, 16, 16), chunks=(1, 8, 8, 8), dtype="uint8"
    )
    array[:] = 7
    return tmp_path


class Opener:
    """Opens a mag and counts how often."""

    def __init__(self, mag: Path) -> None:
        self.mag = mag
        self.count = 0

    def __call__(self) -> VoxelArray:
        self.count += 1
        return open_mag(self.mag, "zarr3")


def test_an_array_is_opened_once_for_a_version(mag: Path) -> None:
    cache, opener = ArrayCache(10), Opener(mag)
    first = cache.get(KEY, opener)
    assert cache.get(KEY, opener) is first
    assert cache.get(KEY._replace(version="v2"), opener) is not first
    assert opener.count == 2


def test_threads_that_ask_together_share_one_opening(mag: Path) -> None:
    cache = ArrayCache(10)
    asked = threading.Barrier(4)
    opener = Opener(mag)

    def ask() -> VoxelArray:
        asked.wait(timeout=10)
        return cache.get(KEY, opener)

    with ThreadPoolExecutor(4) as pool:
        arrays = {id(future.result()) for future in [pool.submit(ask) for _ in range(4)]}
    assert len(arrays) == 1
    assert opener.count == 1


def test_one_slow_opening_does_not_hold_up_another_array(mag: Path) -> None:
    cache = ArrayCache(10)
    entered, release = threading.Event(), threading.Event()

    def slow() -> VoxelArray:
        entered.set()
        assert release.wait(timeout=10)
        return open_mag(mag, "zarr3")

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(cache.get, KEY, slow)
        assert entered.wait(timeout=10)
        cache.get(KEY._replace(layer="other"), Opener(mag))
        assert not future.done()
        release.set()
        assert future.result(timeout=10).num_channels == 1


def test_the_array_used_longest_ago_goes_first(mag: Path) -> None:
    cache = ArrayCache(2)
    opener = Opener(mag)
    one, two, three = (KEY._replace(mag=name) for name in "123")
    for key in (one, two, one, three, one):
        cache.get(key, opener)
    assert opener.count == 3
    cache.get(two, opener)
    assert opener.count == 4


def test_a_failure_is_not_remembered(mag: Path, tmp_path: Path) -> None:
    cache = ArrayCache(2)
    with pytest.raises(VoxelsMissing):
        cache.get(KEY, Opener(tmp_path / "nowhere"))
    assert cache.get(KEY, Opener(mag)).shape == (1, 16, 16, 16)


def test_an_array_opened_anew_shows_what_is_stored_now(mag: Path) -> None:
    cache, box = ArrayCache(2), Box((0, 0, 0), (16, 16, 16))
    assert (cache.get(KEY, Opener(mag)).read(box) == 7).all()
    zarr.open_array(str(mag))[:] = 9
    changed = cache.get(KEY._replace(version="v2"), Opener(mag))
    assert (changed.read(box) == 9).all()


def test_the_decoder_is_not_loaded_before_the_first_read(mag: Path) -> None:
    """A process that forks after opening mags and handing on chunks leaves its children able."""
    program = f"""
import sys
from pathlib import Path
from datasets.voxels.box import Box
from datasets.voxels.open import open_mag
array = open_mag(Path({str(mag)!r}), "zarr3")
assert array.stored_chunk((0, 0, 0, 0)) is not None
assert "tensorstore" not in sys.modules
assert array.read(Box((0, 0, 0), (1, 1, 1)))[0, 0, 0, 0] == 7
assert "tensorstore" in sys.modules
"""
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_results_of_a_read_belong_to_the_caller(mag: Path) -> None:
    """Changing what one read gave must not change what the next one gives."""
    array, box = open_mag(mag, "zarr3"), Box((0, 0, 0), (8, 8, 8))
    array.read(box)[:] = 1
    np.testing.assert_array_equal(array.read(box), np.full((1, 8, 8, 8), 7))
