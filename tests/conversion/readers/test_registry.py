"""Readers that other packages bring along."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from conversion.readers import registry
from conversion.readers.sandbox import Sandbox
from tests.conversion.readers.test_series import SLICES, write_slice

PACKAGE = """
import numpy as np
from conversion.readers.protocol import Image, ImageInfo, Reader, SPACE_AXES


class StarReader(Reader):
    name = "star"
    suffixes = (".star",)

    def sniff(self, head, path):
        return head.startswith(b"***")

    def open(self, path):
        side = int(path.read_bytes()[3:])
        info = ImageInfo("", SPACE_AXES, (1, 1, side, side), np.dtype("u1"))
        return [StarImage(self, path, 0, info)]


class StarImage(Image):
    def _read_plane(self, index, z, y, out):
        out[...] = ord("*")
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package, as pip would install it, that brings a reader and names one that is not there."""
    site = tmp_path / "site-packages"
    (site / "stars-1.0.dist-info").mkdir(parents=True)
    (site / "stars.py").write_text(PACKAGE)
    (site / "stars-1.0.dist-info/METADATA").write_text("Name: stars\nVersion: 1.0\n")
    (site / "stars-1.0.dist-info/entry_points.txt").write_text(
        "[webknossos_site.readers]\nstar = stars:StarReader\nbroken = stars:NotThere\n"
    )
    monkeypatch.syspath_prepend(str(site))
    registry.readers.cache_clear()
    yield site
    registry.readers.cache_clear()


def test_a_reader_of_another_package_reads_in_the_sandbox_too(
    install: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.star"
    path.write_bytes(b"***5")
    with Sandbox() as box:
        (layer,) = box.find_images(path).layers
        (image,) = layer.images
        assert image.reader.name == "star"
        np.testing.assert_array_equal(image.read({}, range(1)), np.full((1, 5, 5), 42, np.uint8))


def test_a_broken_one_is_logged_and_harms_no_other(
    install: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_slice(tmp_path / "a.png", SLICES[0])
    (image,) = registry.open_file(tmp_path / "a.png")
    np.testing.assert_array_equal(image.read({}, range(1))[0], SLICES[0])
    assert "the reader 'stars:NotThere' of another package can't be used" in caplog.text
