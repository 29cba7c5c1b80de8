"""A stack that tifffile wrote slice by slice is one image; what differs stays apart."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from conversion.readers import Image
from conversion.readers.registry import open_file
from tests.conversion.readers.contract import Case, ReaderContract
from tests.conversion.readers.test_tiff import noise

Open = Callable[..., list[Image]]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Writes each array by a call of its own, with options for each, and opens the file."""

    def open_written(arrays: Sequence[NDArray[Any]], options: Sequence[Any] = ()) -> list[Image]:
        with tifffile.TiffWriter(tmp_path / "stack.tif") as file:
            for number, array in enumerate(arrays):
                file.write(array, **(options[number] if options else {}))
        return list(open_file(tmp_path / "stack.tif"))

    return open_written


class TestSliceBySlice(ReaderContract):
    @pytest.fixture(params=["uint16", "lzw", "RGB"])
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> Case:
        is_rgb = request.param == "RGB"
        voxels = noise((5, 40, 50, 3) if is_rgb else (5, 40, 50), "uint8" if is_rgb else "uint16")
        compression = "lzw" if request.param == "lzw" else None
        with tifffile.TiffWriter(tmp_path / "stack.tif") as file:
            for plane in voxels:
                file.write(
                    plane,
                    photometric="rgb" if is_rgb else "minisblack",
                    compression=compression,
                )
        return Case(tmp_path / "stack.tif", voxels[None])


def test_that_it_is_taken_for_a_stack_is_told(opened: Open) -> None:
    (image,) = opened(noise((5, 20, 30), "uint8"))
    assert image.info.name == ""
    assert any("5 pages" in note and "taken for slices" in note for note in image.info.notes)


def test_slices_of_another_size_or_type_stay_apart(opened: Open) -> None:
    large, small = noise((3, 20, 30), "uint8"), noise((2, 10, 15), "uint8")
    images = opened([*large, *small, small[0].astype(np.uint16)])
    shapes = [(image.info.shape, str(image.info.dtype)) for image in images]
    assert shapes == [
        ((1, 3, 20, 30), "uint8"),
        ((1, 2, 10, 15), "uint8"),
        ((1, 1, 10, 15), "uint16"),
    ]
    for image, voxels in zip(images, (large, small, small[:1]), strict=True):
        with image:
            np.testing.assert_array_equal(image.read({}, range(len(voxels))), voxels)


def test_slices_with_names_and_stacks_stay_apart(opened: Open) -> None:
    planes = noise((2, 20, 30), "uint8")
    named = [{"metadata": {"name": name}} for name in ("cells", "nuclei")]
    assert [image.info.name for image in opened(planes, named)] == ["cells", "nuclei"]
    assert [image.info.length("z") for image in opened([planes, planes])] == [2, 2]


def test_slices_that_are_compressed_each_in_its_way_are_read(opened: Open) -> None:
    planes = noise((3, 40, 50), "uint8")
    ways: list[dict[str, Any]] = [{}, {"compression": "lzw"}, {"tile": (16, 16)}]
    (image,) = opened(planes, ways)
    with image:
        np.testing.assert_array_equal(image.read({}, range(3)), planes)
