"""Formats that only imageio reads, written by Pillow and by hand."""

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import PIL.Image
import pytest

from conversion.readers import UnreadableImage
from conversion.readers.registry import find, open_file
from tests.conversion.readers.contract import Case, ReaderContract

NUMBERS = np.random.default_rng(1).integers(0, 255, (6, 8), np.uint8)


class TestPictures(ReaderContract):
    @pytest.fixture(params=["a.tga", "a.sgi", "a.pcx"])
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> Case:
        path = tmp_path / request.param
        PIL.Image.fromarray(NUMBERS).save(path)
        return Case(path, NUMBERS[None, None])


class TestColour(ReaderContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        path = tmp_path / "a.tga"
        rgba = np.stack([NUMBERS, NUMBERS // 2, NUMBERS // 3, NUMBERS], -1)
        PIL.Image.fromarray(rgba).save(path)
        return Case(path, rgba[None, None, ..., :3])


class TestSpe(ReaderContract):
    """Several pictures of a Princeton Instruments camera."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        voxels = np.arange(3 * 6 * 8, dtype="<u2").reshape(3, 6, 8)
        header = bytearray(4100)
        struct.pack_into("<H", header, 42, 8)  # columns
        struct.pack_into("<h", header, 108, 3)  # uint16
        struct.pack_into("<H", header, 656, 6)  # rows
        struct.pack_into("<i", header, 1446, 3)  # pictures
        struct.pack_into("<f", header, 1992, 2.5)  # version
        path = tmp_path / "a.spe"
        path.write_bytes(bytes(header) + voxels.tobytes())
        return Case(path, voxels[None])

    def test_tells_that_pictures_are_taken_for_slices(self, case: Case) -> None:
        assert case.open().info.notes == ("What its 3 pictures are is not said: taken for slices.",)


def test_a_file_that_another_reader_knows_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "really a PNG.tga"
    path.write_bytes(imagecodecs.png_encode(NUMBERS.astype("u2") * 200))
    (image,) = open_file(path)
    assert image.info.dtype == np.uint16
    assert "is called like a rare picture file, but is a picture file" in image.info.notes[0]


@pytest.mark.parametrize("name", ["film.avi", "drawing.eps", "text.txt"])
def test_what_needs_other_programs_is_not_asked(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n")
    assert find(tmp_path / name) is None


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.psd").write_bytes(b"no picture" * 100)
    with pytest.raises(UnreadableImage, match="can't be decoded as rare picture"):
        open_file(tmp_path / "a.psd")
