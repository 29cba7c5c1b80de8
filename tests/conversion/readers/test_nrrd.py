"""NRRD files, written here as the format's description says."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conversion.readers import UnreadableImage
from conversion.readers.registry import open_file
from tests.conversion.readers.contract import Case, ReaderContract

TYPES = {
    "i1": "int8", "u1": "uchar", "i2": "short", "u2": "unsigned short", "i4": "int",
    "u4": "uint32", "i8": "long long int", "u8": "uint64_t", "f4": "float", "f8": "double",
}  # fmt: skip
PACK = {"raw": bytes, "gzip": gzip.compress, "bzip2": bz2.compress}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(voxels: NDArray[Any], *lines: str, encoding: str = "raw", to: str = "") -> Path:
        header = [
            "NRRD0004",
            "# made by a test",
            f"type: {TYPES[voxels.dtype.str[1:]]}",
            f"dimension: {voxels.ndim}",
            f"sizes: {' '.join(map(str, voxels.shape[::-1]))}",
            f"encoding: {encoding}",
            f"endian: {'big' if voxels.dtype.byteorder == '>' else 'little'}",
            *lines,
            *([f"data file: {to}"] if to else []),
        ]
        data = PACK[encoding](voxels.tobytes())
        path = tmp_path / ("image.nhdr" if to else "image.nrrd")
        path.write_bytes("\n".join([*header, "", ""]).encode() + (b"" if to else data))
        if to:
            (tmp_path / to).write_bytes(data)
        return path

    return written


def numbers(dtype: str, *shape: int) -> NDArray[Any]:
    return np.random.default_rng(1).integers(0, 100, shape).astype(dtype)


class TestWrittenFiles(ReaderContract):
    @pytest.fixture(params=[("raw", ""), ("gzip", ""), ("bzip2", ""), ("raw", "voxels.raw")])
    def case(self, request: pytest.FixtureRequest, write: Write) -> Case:
        encoding, to = request.param
        voxels = numbers("i2", 4, 6, 5)
        return Case(write(voxels, encoding=encoding, to=to), voxels[None])


class TestColour(ReaderContract):
    @pytest.fixture(params=["RGB-color", "4-color"])
    def case(self, request: pytest.FixtureRequest, write: Write) -> Case:
        voxels = numbers("u1", 3, 6, 5, 3 if request.param == "RGB-color" else 4)
        path = write(voxels, f"kinds: {request.param} domain domain domain")
        return Case(path, voxels[None, ..., :3])


class TestChannelsAndTime(ReaderContract):
    @pytest.fixture
    def case(self, write: Write) -> Case:
        voxels = numbers("u2", 3, 4, 6, 5, 2)
        path = write(voxels, "kinds: vector space space space time")
        return Case(path, np.moveaxis(voxels, -1, 1))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("order", "<>")
def test_reads_every_type(dtype: str, order: str, write: Write) -> None:
    voxels = numbers(order + dtype, 2, 3, 4)
    (image,) = open_file(write(voxels))
    assert image.info.dtype == dtype
    np.testing.assert_array_equal(image.read({}, range(2)), voxels)


@pytest.mark.parametrize(
    ("lines", "factor", "unit"),
    [
        (["spacings: 4 4 40", 'units: "nm" "nm" "nm"'], (4, 4, 40), "nanometer"),
        (["spacings: 0.5 0.5 2", 'space units: "um" "um" "mm"'], (0.5, 0.5, 2000), "micrometer"),
        (
            ["space: left-posterior-superior", "space directions: (0,3,4) (0,4,-3) (2,0,0)"],
            (5, 5, 2),
            "millimeter",
        ),
    ],
)
def test_tells_the_voxel_size(
    lines: list[str], factor: tuple[float, ...], unit: str, write: Write
) -> None:
    (image,) = open_file(write(numbers("u1", 2, 3, 4), *lines))
    assert image.info.voxel_size is not None
    assert image.info.voxel_size.factor == pytest.approx(factor)
    assert image.info.voxel_size.unit == unit


@pytest.mark.parametrize("lines", [["spacings: 4 4 40"], ['units: "nm" "nm" "nm"']])
def test_half_a_voxel_size_is_none(lines: list[str], write: Write) -> None:
    (image,) = open_file(write(numbers("u1", 2, 3, 4), *lines))
    assert image.info.voxel_size is None


def test_skips_lines_and_bytes(write: Write, tmp_path: Path) -> None:
    voxels = numbers("u2", 2, 3, 4)
    path = write(voxels, "line skip: 2", "byte skip: 3", to="data.bin")
    (tmp_path / "data.bin").write_bytes(b"one\ntwo\nxyz" + voxels.tobytes())
    (image,) = open_file(path)
    np.testing.assert_array_equal(image.read({}, range(2)), voxels)
    assert image.files == (path, tmp_path / "data.bin")


def test_segmentations_of_slicer_are_labels(write: Write) -> None:
    (image,) = open_file(write(numbers("u1", 2, 3, 4), "Segment0_ID:=Segment_1"))
    assert image.info.is_labels


@pytest.mark.parametrize("name", ["../secret.raw", "/etc/passwd", "link.raw", "missing.raw"])
def test_reads_no_file_outside_of_its_folder(name: str, write: Write, tmp_path: Path) -> None:
    (tmp_path.parent / "secret.raw").write_bytes(bytes(24))
    (tmp_path / "link.raw").symlink_to(tmp_path.parent / "secret.raw")
    path = write(numbers("u1", 2, 3, 4), to="here.raw")
    path.write_text(path.read_text().replace("here.raw", name))
    with pytest.raises(UnreadableImage, match="not beside it"):
        open_file(path)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["encoding: ascii"], "encoded as 'ascii'"),
        (["type: block"], "type 'block'"),
        (["data file: a%03d.raw 1 9 1"], "several files"),
        (["sizes: 1 2 x"], "makes no sense"),
        (["sizes: 900000 900000 900000"], "claims to hold"),
        (["sizes: 8 9 10"], "incomplete"),
    ],
)
def test_says_what_is_wrong(lines: list[str], says: str, write: Write) -> None:
    with pytest.raises(UnreadableImage, match=says):
        open_file(write(numbers("u1", 2, 3, 4), *lines))


def test_a_stream_is_unpacked_no_further_than_needed(write: Write, tmp_path: Path) -> None:
    voxels = numbers("u1", 2, 3, 4)
    path = write(voxels, encoding="gzip", to="data.gz")
    (tmp_path / "data.gz").write_bytes(gzip.compress(voxels.tobytes() + bytes(1 << 24)))
    (image,) = open_file(path)
    with image:
        np.testing.assert_array_equal(image.read({}, range(2)), voxels)
        assert len(image._opened()) == voxels.size


def test_a_short_stream_is_told(write: Write, tmp_path: Path) -> None:
    path = write(numbers("u1", 2, 3, 4), encoding="gzip", to="data.gz")
    (tmp_path / "data.gz").write_bytes(gzip.compress(bytes(20)))
    (image,) = open_file(path)
    with pytest.raises(UnreadableImage, match="after 20 bytes; its voxels need 24"):
        image.read({}, range(2))
