"""Slices that can only be decoded as a whole are bounded; those that lie as they are, are not."""

import struct
import zlib
from pathlib import Path

import pytest
import tifffile

from conversion.readers import UnreadableImage
from conversion.readers.registry import open_file

SIDE = 60_000
"""Of a slice of 3.4 GiB."""


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", bytes(3_500_000))


def test_a_png_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png_that_claims(SIDE, SIDE))
    with pytest.raises(UnreadableImage, match=r"A slice has 3\.4 GiB and can only be decoded as a"):
        open_file(tmp_path / "bomb.png")


def test_a_tiff_of_one_large_strip_that_is_not_compressed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    tifffile.memmap(path, shape=(SIDE, SIDE), dtype="uint8")[-1, -2:] = 7, 8  # a sparse file
    (image,) = open_file(path)
    with image:
        row = image.read({}, range(1), y=range(SIDE - 1, SIDE))[0, 0]
    assert row[-3:].tolist() == [0, 7, 8]
