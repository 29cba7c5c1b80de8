"""CZI: files of real microscopes, and ones that Zeiss' library writes."""

import random
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pylibCZIrw import czi

from conversion.readers import Image, MissingLibrary
from conversion.readers.registry import open_file
from tests.conversion.readers.contract import (
    MUTANTS,
    Case,
    ReaderContract,
    mutate,
    read_or_refuse,
)

HANGS_AFTER_SECONDS = 2

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write (t, c, z, y, x) or (..., 3) planes, several scenes of them side by side."""

    def written(*scenes: NDArray[Any], step: tuple[float, ...] = (), far: int = 0) -> Path:
        path = tmp_path / "image.czi"
        with czi.create_czi(str(path)) as document:
            for number, voxels in enumerate(scenes):
                for t, c, z in np.ndindex(voxels.shape[:3]):
                    pixels = voxels[t, c, z]
                    pixels = pixels[..., ::-1].copy() if pixels.ndim == 3 else pixels[..., None]
                    document.write(
                        pixels,
                        plane={"T": t, "C": c, "Z": z},
                        scene=number,
                        location=(number * far, 0),
                    )
            lengths = dict(zip(("scale_x", "scale_y", "scale_z"), step, strict=False))
            document.write_metadata("image", channel_names={0: "DAPI", 1: "GFP"}, **lengths)
        return path

    return written


def numbers(dtype: str, *shape: int) -> NDArray[Any]:
    return np.random.default_rng(1).integers(0, 100, shape).astype(dtype)


class CZIContract(ReaderContract):
    """Zeiss' library may crash or hang over a damaged file, which the sandbox is for: what is held
    here is that no other exception than UnreadableImage comes of it."""

    def test_a_damaged_file_is_read_or_refused(self, case: Case) -> None:
        original = case.path.read_bytes()
        for seed in range(MUTANTS):
            case.path.write_bytes(mutate(original, random.Random(seed)))
            child = get_context("fork").Process(target=read_or_refuse, args=(case.path,))
            child.start()
            child.join(HANGS_AFTER_SECONDS)
            if child.is_alive():
                child.kill()
                child.join()
            assert child.exitcode is not None and child.exitcode <= 0, f"mutant {seed}"


class TestWrittenFiles(CZIContract):
    @pytest.fixture(params=["u1", "u2", "f4"])
    def case(self, request: pytest.FixtureRequest, write: Write) -> Case:
        voxels = numbers(request.param, 2, 2, 3, 6, 8)
        return Case(write(voxels), voxels)


class TestColour(CZIContract):
    @pytest.fixture
    def case(self, write: Write) -> Case:
        voxels = numbers("u1", 1, 1, 2, 6, 8, 3)
        return Case(write(voxels), voxels[0])


class TestFurtherAxes(CZIContract):
    """Zeiss' library writes no views: here times are made views, by their letter."""

    @pytest.fixture
    def case(self, write: Write) -> Case:
        voxels = numbers("u1", 3, 2, 2, 6, 8)
        path = write(voxels)
        path.write_bytes(path.read_bytes().replace(b"T\0\0\0", b"V\0\0\0"))
        return Case(path, voxels)

    def test_is_named_as_in_the_file(self, image: Image) -> None:
        assert image.info.axes == ("v", "c", "z", "y", "x")


def test_scenes_that_lie_apart_are_images(write: Write) -> None:
    first, second = numbers("u2", 1, 1, 1, 6, 8), numbers("u2", 1, 1, 1, 4, 5)
    images = open_file(write(first, second, far=100_000))
    assert [image.info.shape for image in images] == [(1, 1, 6, 8), (1, 1, 4, 5)]
    for image, voxels in zip(images, (first, second), strict=True):
        with image:
            np.testing.assert_array_equal(image.read({}, range(1)), voxels[0, 0])


def test_tells_voxel_size_and_channels(write: Write) -> None:
    (image,) = open_file(write(numbers("u1", 1, 2, 3, 6, 8), step=(1e-7, 1e-7, 5e-7)))
    assert image.info.channel_names == ("DAPI", "GFP")
    assert image.info.voxel_size is not None
    assert image.info.voxel_size.factor == pytest.approx((100, 100, 500))
    assert image.info.voxel_size.unit == "nanometer"


REAL = {
    "100x100.czi": ((1, 1, 10, 10), "uint8", (100, 100, 100)),
    "CellDivision_T3_Z5_CH2_X240_Y170_comp2.czi": ((3, 2, 5, 170, 240), "uint16", None),
    "DAPI_GFP.czi": ((2, 1, 640, 640), "uint8", None),
    "FOV7_HV110_P0500510000.czi": ((1, 1, 512, 512), "uint8", None),
    "LLS7_small.czi": ((2, 2, 3, 64, 64), "uint16", (144.992, 144.992, 144.992)),
    "WellD6_S1.czi": ((1, 1, 440, 544), "uint16", (100, 100, 100)),
    "newCZI_compressed.czi": ((1, 1, 512, 512), "uint16", None),
    "nuc_small_new_red.czi": ((1, 1, 240, 320), "uint8", (100, 100, 200)),
}


@pytest.mark.parametrize("name", REAL)
def test_reads_real_files(name: str, samples: Path) -> None:
    shape, dtype, size = REAL[name]
    (image,) = open_file(samples / "czi" / name)
    with image:
        last = {axis: image.info.length(axis) - 1 for axis in image.info.axes[:-3]}
        assert image.read(last, range(image.info.length("z"))).any()
    assert (image.info.shape, image.info.dtype) == (shape, dtype)
    assert (image.info.voxel_size and image.info.voxel_size.factor) == size


def test_real_channels_have_their_names_and_colours(samples: Path) -> None:
    (image,) = open_file(samples / "czi" / "DAPI_GFP.czi")
    assert image.info.channel_names == ("DAPI", "GFP")
    assert image.info.channel_colors == ((0, 0, 255), (0, 255, 0))


def test_names_the_extra_where_it_is_missing(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(numbers("u1", 1, 1, 1, 4, 4))
    monkeypatch.setitem(sys.modules, "pylibCZIrw", None)
    with pytest.raises(MissingLibrary, match=r"\[czi\]"):
        open_file(path)
