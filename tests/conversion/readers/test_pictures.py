"""PNG, JPEG, BMP and others are read with all their bits."""

import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from conversion.readers import UnreadableImage
from conversion.readers.registry import open_file
from tests.conversion.readers.contract import Case, ReaderContract

Write = Callable[[Path], NDArray[Any]]
"""Writes a file and returns what it holds, as `Case.voxels` wants it."""


def noise(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    return np.random.default_rng(7).integers(0, np.iinfo(dtype).max, shape, dtype)


def png(dtype: str, samples: int = 1) -> Write:
    def write(path: Path) -> NDArray[Any]:
        voxels = (
            noise((20, 30, samples), dtype).squeeze(-1)
            if samples == 1
            else noise((20, 30, samples), dtype)
        )
        path.write_bytes(imagecodecs.png_encode(voxels))
        kept = {1: voxels, 2: voxels[..., 0]}.get(samples, voxels[..., :3])
        return kept[None, None]

    return write


def by_pillow(mode: str, file_format: str, **options: Any) -> Write:
    """A lossless format; what is read is what Pillow itself shows."""

    def write(path: Path) -> NDArray[Any]:
        picture = PIL.Image.fromarray(noise((20, 30, 3), "uint8")).convert(mode)
        picture.save(path, file_format, **options)
        shown = "L" if mode in ("1", "L") else "RGB"
        with PIL.Image.open(path) as saved:
            return np.asarray(saved.convert(shown))[None, None]

    return write


def jpeg(samples: int) -> Write:
    def write(path: Path) -> NDArray[Any]:
        voxels = np.linspace(0, 200, 20 * 30 * samples).reshape(20, 30, samples).astype("uint8")
        path.write_bytes(imagecodecs.jpeg8_encode(voxels.squeeze()))
        with PIL.Image.open(path) as saved:
            return np.asarray(saved)[None, None]

    return write


FILES: dict[str, Write] = {
    "gray.png": png("uint8"),
    "gray of 16 bits.png": png("uint16"),
    "colour.png": png("uint8", 3),
    "colour of 16 bits.png": png("uint16", 3),
    "gray and alpha.png": png("uint8", 2),
    "gray and alpha of 16 bits.png": png("uint16", 2),
    "colour and alpha of 16 bits.png": png("uint16", 4),
    "black and white.png": by_pillow("1", "PNG"),
    "colour table.png": by_pillow("P", "PNG"),
    "gray.bmp": by_pillow("L", "BMP"),
    "colour.bmp": by_pillow("RGB", "BMP"),
    "black and white.bmp": by_pillow("1", "BMP"),
    "gray.jpg": jpeg(1),
    "colour.jpg": jpeg(3),
    "print.jpg": by_pillow("CMYK", "JPEG"),
    "gray.gif": by_pillow("L", "GIF"),
    "colour.gif": by_pillow("P", "GIF"),
    "gray.pgm": by_pillow("L", "PPM"),
    "colour.ppm": by_pillow("RGB", "PPM"),
    "colour.jp2": by_pillow("RGB", "JPEG2000"),
    "colour.webp": by_pillow("RGB", "WEBP", lossless=True),
}


class TestPictures(ReaderContract):
    @pytest.fixture(params=FILES)
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> Case:
        path = tmp_path / request.param
        return Case(path, FILES[request.param](path))


def test_dots_per_inch_are_no_voxel_size(tmp_path: Path) -> None:
    PIL.Image.new("L", (4, 4)).save(tmp_path / "a.png", dpi=(254, 254))
    (image,) = open_file(tmp_path / "a.png")
    assert image.info.voxel_size is None


def test_a_mislabelled_file_is_read_as_what_it_is_and_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    voxels = png("uint16")(path)
    (image,) = open_file(path)
    np.testing.assert_array_equal(image.read({}, range(1)), voxels[0])
    assert image.info.notes == ("'a.tif' is called like a TIFF file, but is a picture file.",)


def test_a_name_alone_makes_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("Sorry, not found")
    with pytest.raises(UnreadableImage, match="called like a picture file, but does not begin"):
        open_file(tmp_path / "a.png")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(UnreadableImage, match="The file is empty"):
        open_file(tmp_path / "a.png")


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    png("uint8")(path)
    data = bytearray(path.read_bytes())
    data[16:24] = (200_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(UnreadableImage, match=r"claims to hold 37\.3 GiB"):
        open_file(path)


@pytest.mark.parametrize("name", ["1/60/141.jpg", "40/61/145.jpg", "black.jpg"])
class TestRealPictures(ReaderContract):
    @pytest.fixture
    def case(self, name: str, samples: Path, tmp_path: Path) -> Case:
        path = tmp_path / "tile.jpg"
        shutil.copy(samples / "temca2" / name, path)
        with PIL.Image.open(path) as picture:
            return Case(path, np.asarray(picture)[None, None])
