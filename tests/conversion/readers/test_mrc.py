"""MRC files: a real map, and files written here for every mode, byte order and axis order."""

import bz2
import gzip
import struct
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conversion.readers import UnreadableImage
from conversion.readers.registry import open_file
from tests.conversion.readers.contract import Case, ReaderContract

MODES = {"i1": 0, "i2": 1, "f4": 2, "u2": 6, "f2": 12}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write (z, y, x) or (z, y, x, 3), with the axes that MAPC, MAPR and MAPS name."""

    def written(
        voxels: NDArray[Any],
        *,
        mode: int | None = None,
        order: str = "<",
        axes: tuple[int, int, int] = (1, 2, 3),
        step: tuple[float, float, float] = (5, 5, 10),
        range_: tuple[float, float] = (0, -1),
        extended: bytes = b"",
        mark: bytes = b"MAP ",
        **words: int,
    ) -> Path:
        lengths = voxels.shape[2::-1]
        intervals = (*lengths[:2], words.get("depth", lengths[2]))
        place = [3 - axis for axis in axes[::-1]]  # of sections, rows, columns in (z, y, x)
        stored = voxels.transpose(*place, *((3,) if voxels.ndim == 4 else ()))
        header = bytearray(1024)
        struct.pack_into(f"{order}3i", header, 0, *stored.shape[2::-1])
        mode = MODES[voxels.dtype.str[1:]] if mode is None else mode
        struct.pack_into(f"{order}i", header, 12, mode)
        struct.pack_into(f"{order}3i", header, 28, *intervals)
        cell = (size * count for size, count in zip(step, intervals, strict=True))
        struct.pack_into(f"{order}6f", header, 40, *cell, 90, 90, 90)
        struct.pack_into(f"{order}3i2f", header, 64, *axes, *range_)
        struct.pack_into(f"{order}2i", header, 88, words.get("space_group", 1), len(extended))
        struct.pack_into(f"{order}2i", header, 152, words.get("imod", 0), words.get("flags", 0))
        header[208:212] = mark
        if any(mark):
            header[212:216] = b"DD\0\0" if order == "<" else b"\x11\x11\0\0"
        path = tmp_path / "image.mrc"
        data = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
        path.write_bytes(bytes(header) + extended + data)
        return path

    return written


def numbers(dtype: str, *shape: int) -> NDArray[Any]:
    return np.random.default_rng(1).integers(0, 100, shape).astype(dtype)


class TestWrittenFiles(ReaderContract):
    @pytest.fixture(params=[("<", "i2", b""), (">", "f4", b"x" * 512)])
    def case(self, request: pytest.FixtureRequest, write: Write) -> Case:
        order, dtype, extended = request.param
        voxels = numbers(dtype, 4, 6, 5)
        return Case(write(voxels, order=order, extended=extended), voxels[None])


class TestPackedFiles(ReaderContract):
    @pytest.fixture(params=[("image.mrc.gz", gzip.compress), ("image.map.bz2", bz2.compress)])
    def case(self, request: pytest.FixtureRequest, write: Write) -> Case:
        name, pack = request.param
        voxels = numbers("i2", 4, 6, 5)
        plain = write(voxels)
        path = plain.with_name(name)
        path.write_bytes(pack(plain.read_bytes()))
        return Case(path, voxels[None])


class TestOtherAxisOrder(ReaderContract):
    @pytest.fixture(params=[(3, 1, 2), (2, 1, 3)])
    def case(self, request: pytest.FixtureRequest, write: Write) -> Case:
        voxels = numbers("u2", 4, 6, 5)
        return Case(write(voxels, axes=request.param), voxels[None])


class TestColour(ReaderContract):
    @pytest.fixture
    def case(self, write: Write) -> Case:
        voxels = numbers("u1", 2, 6, 5, 3)
        return Case(write(voxels, mode=16), voxels[None])


class TestVolumeStack(ReaderContract):
    @pytest.fixture
    def case(self, write: Write) -> Case:
        voxels = numbers("i2", 6, 4, 5)
        path = write(voxels, space_group=401, depth=2)
        return Case(path, voxels.reshape(3, 1, 2, 4, 5))


class TestRealFile(ReaderContract):
    @pytest.fixture
    def case(self, samples: Path, tmp_path: Path) -> Case:
        path = tmp_path / "EMD-3197.map"
        path.write_bytes((samples / "mrc" / path.name).read_bytes())
        voxels = np.fromfile(path, "<f4", offset=1024).reshape(1, 20, 20, 20)
        return Case(path, voxels)


@pytest.mark.parametrize("axes", list(permutations((1, 2, 3))))
def test_every_axis_order_gives_the_same_image(axes: tuple[int, int, int], write: Write) -> None:
    voxels = numbers("i2", 3, 4, 5)
    (image,) = open_file(write(voxels, axes=axes, step=(1, 2, 3)))
    assert image.info.voxel_size is not None
    assert image.info.voxel_size.factor == pytest.approx((1, 2, 3))
    np.testing.assert_array_equal(image.read({}, range(3)), voxels)


@pytest.mark.parametrize("mark", [b"MAP ", bytes(4)])
@pytest.mark.parametrize("order", "<>")
def test_reads_headers_without_a_mark(mark: bytes, order: str, write: Write) -> None:
    voxels = numbers("i2", 3, 4, 5)
    (image,) = open_file(write(voxels, mark=mark, order=order))
    np.testing.assert_array_equal(image.read({}, range(3)), voxels)


def test_half_precision_becomes_single(write: Write) -> None:
    voxels = numbers("f2", 2, 3, 4)
    (image,) = open_file(write(voxels))
    assert image.info.dtype == np.float32
    np.testing.assert_array_equal(image.read({}, range(2)), voxels)


@pytest.mark.parametrize(
    ("words", "dtype"),
    [
        ({}, "int8"),
        ({"imod": 1146047817, "flags": 1}, "int8"),
        ({"imod": 1146047817, "flags": 0}, "uint8"),
        ({"range_": (3.0, 200.0)}, "uint8"),
        ({"range_": (-3.0, 90.0), "imod": 1146047817}, "int8"),
    ],
)
def test_finds_out_whether_bytes_are_signed(
    words: dict[str, Any], dtype: str, write: Write
) -> None:
    (image,) = open_file(write(numbers("i1", 2, 3, 4), **words))
    assert image.info.dtype == dtype


def test_tells_the_voxel_size_of_a_real_map(samples: Path) -> None:
    (image,) = open_file(samples / "mrc" / "EMD-3197.map")
    assert image.info.voxel_size is not None
    assert image.info.voxel_size.factor == pytest.approx((11.4, 11.4, 11.4))
    assert image.info.voxel_size.unit == "angstrom"


def test_a_size_of_0_is_unknown(write: Write) -> None:
    (image,) = open_file(write(numbers("i2", 2, 3, 4), step=(4, 4, 0)))
    assert image.info.voxel_size is None


@pytest.mark.parametrize(("mode", "says"), [(4, "complex"), (101, "four bits")])
def test_says_what_it_does_not_read(mode: int, says: str, write: Write) -> None:
    with pytest.raises(UnreadableImage, match=says):
        open_file(write(numbers("i2", 2, 3, 4), mode=mode))


def test_tells_what_a_truncated_file_lacks(write: Write) -> None:
    path = write(numbers("i2", 2, 3, 4))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UnreadableImage, match=r"ends after 1,071 bytes; its voxels need 1,072"):
        open_file(path)
