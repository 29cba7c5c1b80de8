"""A WKW mag of two files, raw or LZ4, damaged byte by byte."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import wkw

from datasets.voxels.box import Box
from datasets.voxels.open import open_mag
from tests.datasets.voxels.voxel_contract import BOX, broken

FILE = "z0/y0/x0.wkw"


def write(mag: Path, block_type: int) -> np.ndarray:
    volume = np.arange(2 * 16**3, dtype=np.uint16).reshape((1, 32, 16, 16), order="F")
    header = wkw.Header(np.uint16, 1, block_len=8, file_len=2, block_type=block_type)
    with wkw.Dataset.create(str(mag), header) as dataset:
        dataset.write((0, 0, 0), volume)
    return volume


@pytest.fixture(params=[wkw.Header.BLOCK_TYPE_RAW, wkw.Header.BLOCK_TYPE_LZ4])
def mag(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    mag = tmp_path / "secret-place" / "1"
    mag.parent.mkdir()
    write(mag, request.param)
    return mag


@pytest.fixture
def compressed(tmp_path: Path) -> Path:
    mag = tmp_path / "secret-place" / "1"
    mag.parent.mkdir()
    write(mag, wkw.Header.BLOCK_TYPE_LZ4)
    return mag


def patch(file: Path, offset: int, data: bytes) -> None:
    content = bytearray(file.read_bytes())
    content[offset : offset + len(data)] = data
    file.write_bytes(content)


def test_a_missing_file_is_zero_and_its_neighbour_is_read(mag: Path) -> None:
    before = open_mag(mag, "wkw").read(Box((0, 0, 0), (32, 16, 16)))
    (mag / FILE).unlink()
    after = open_mag(mag, "wkw").read(Box((0, 0, 0), (32, 16, 16)))
    assert not after[:, :16].any()
    np.testing.assert_array_equal(after[:, 16:], before[:, 16:])


@pytest.mark.parametrize(
    ("offset", "data", "complaint"),
    [
        (0, b"PNG", "begin with WKW"),
        (3, b"\x02", "version 2"),
        (4, b"\xff", "too large"),
        (5, b"\x09", "block type 9"),
        (6, b"\x0b", "voxel type 11"),
        (7, b"\x00", "0 bytes"),
        (7, b"\x03", "3 bytes"),
    ],
)
def test_a_lying_header_is_explained(mag: Path, offset: int, data: bytes, complaint: str) -> None:
    patch(mag / "header.wkw", offset, data)
    error = broken(mag, "wkw")
    assert error.file == "header.wkw"
    assert complaint in error.cause


def test_a_short_header_is_explained(mag: Path) -> None:
    (mag / "header.wkw").write_bytes(b"WKW\x01")
    assert "4 bytes" in broken(mag, "wkw").cause


def test_a_header_that_is_a_pipe_does_not_block(mag: Path) -> None:
    (mag / "header.wkw").unlink()
    os.mkfifo(mag / "header.wkw")
    assert "not a regular file" in broken(mag, "wkw").cause


def test_a_file_that_contradicts_the_mag_is_named(mag: Path) -> None:
    patch(mag / FILE, 4, b"\x31")
    error = broken(mag, "wkw")
    assert error.file == FILE
    assert "contradicts header.wkw" in error.cause


@pytest.mark.parametrize("length", [0, 10, 16, 40, 1000])
def test_a_cut_file_is_named(mag: Path, length: int) -> None:
    file = mag / FILE
    file.write_bytes(file.read_bytes()[:length])
    assert broken(mag, "wkw").file == FILE


def test_voxels_inside_the_header_are_refused(mag: Path) -> None:
    patch(mag / FILE, 8, struct.pack("<Q", 3))
    assert "header and table" in broken(mag, "wkw").cause


@pytest.mark.parametrize("end", [0, 2**40, 2**64 - 1])
def test_a_broken_jump_table_is_explained(compressed: Path, end: int) -> None:
    patch(compressed / FILE, 16, struct.pack("<Q", end))
    error = broken(compressed, "wkw")
    assert error.file == FILE
    assert "jump table" in error.cause


def test_damaged_lz4_is_explained(compressed: Path) -> None:
    patch(compressed / FILE, 16 + 8 * 8, b"\xff" * 400)
    assert "no valid LZ4" in broken(compressed, "wkw").cause


def test_a_block_of_too_few_voxels_is_explained(compressed: Path) -> None:
    file = compressed / FILE
    first_end = struct.unpack("<Q", file.read_bytes()[16:24])[0]
    # One literal byte is a complete LZ4 block; the table says that the first one ends there.
    patch(file, 16 + 8 * 8, b"\x10A")
    patch(file, 16, struct.pack("<Q", 16 + 8 * 8 + 2))
    assert first_end > 16 + 8 * 8 + 2
    assert "too few voxels" in broken(compressed, "wkw").cause


def test_a_block_longer_than_lz4_can_be_is_not_read(compressed: Path) -> None:
    file = compressed / FILE
    with file.open("ab") as end:
        end.truncate(2**20)
    patch(file, 16, struct.pack("<Q", 2**20))
    assert "no valid LZ4" in broken(compressed, "wkw").cause


def test_a_directory_in_place_of_a_file_is_explained(mag: Path) -> None:
    (mag / FILE).unlink()
    (mag / FILE).mkdir()
    assert "not a regular file" in broken(mag, "wkw").cause


def test_a_path_that_is_not_utf8_is_read(mag: Path, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    mag.rename(odd)
    assert open_mag(odd, "wkw").read(BOX).any()
