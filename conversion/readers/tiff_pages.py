"""Decodes rows of a TIFF page straight from the file, without tifffile's own file handle.

tifffile reads directories and makes the decoder; segments are fetched by `os.pread`, so several
threads read one file at once, and only the strips or tiles that the rows lie in are decoded.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFrame, TiffPage

from conversion.readers.limits import LARGEST_WHOLE_SLICE_BYTES

_JPEG = {6, 7, 34892, 33007}


@dataclass(frozen=True)
class Segment:
    """A strip or tile: its number in the page and where its first voxel lies."""

    number: int
    row: int
    column: int


class Page:
    """One page of a file open as `descriptor`; `shaped` is (planes, depth, rows, columns, samples).

    Planes are samples that are stored apart, samples those that are stored side by side.
    """

    def __init__(self, page: TiffPage | TiffFrame, descriptor: int) -> None:
        self.key = key_of(page)
        self.descriptor = descriptor
        self.offsets = page.dataoffsets
        self.byte_counts = page.databytecounts
        self.jpeg_tables = page.jpegtables
        self.shaped: tuple[int, int, int, int, int] = self.key.shaped

    def read(self, plane: int, depth: int, rows: range, samples: slice, out: NDArray[Any]) -> None:
        """Fill `out`, (y, x, samples), with `rows` of the chosen samples of a plane at a depth."""
        if is_raw(self.key) and self._lies_in_one_piece():
            self.read_from(self.offsets[0], plane, depth, rows, samples, out)
            return
        for segment in self._segments(plane, depth, rows):
            self._decode(segment, depth, rows, samples, out)

    def read_from(
        self,
        offset: int,
        plane: int,
        depth: int,
        rows: range,
        samples: slice,
        out: NDArray[Any],
    ) -> None:
        """As `read`, from a page like this one that lies uncompressed from `offset` on."""
        _, page_depth, page_rows, columns, page_samples = self.shaped
        stored = self.stored_dtype
        first = ((plane * page_depth + depth) * page_rows + rows.start) * columns * page_samples
        shape = (len(rows), columns, page_samples)
        is_direct = out.shape == shape and out.flags.c_contiguous and out.dtype == stored
        room = out if is_direct else np.empty(shape, stored)
        fill(self.descriptor, offset + first * stored.itemsize, room)
        if not is_direct:
            out[...] = room[..., samples]

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        assert self.key._dtype is not None  # noqa: S101 (readers refuse such pages)
        return np.dtype(self.key.parent.byteorder + self.key._dtype.char)

    def _lies_in_one_piece(self) -> bool:
        """Whether this page is as its key page is: tifffile checks that of key pages only."""
        ends = (o + c for o, c in zip(self.offsets, self.byte_counts, strict=False))
        return all(end == start for end, start in zip(ends, self.offsets[1:], strict=False))

    def _segments(self, plane: int, depth: int, rows: range) -> Iterator[Segment]:
        key = self.key
        _, page_depth, page_rows, page_columns, _ = self.shaped
        if key.is_tiled:
            thickness, length, width = key.tiledepth, key.tilelength, key.tilewidth
        else:
            thickness, length, width = 1, min(key.rowsperstrip, page_rows), page_columns
        down, across = math.ceil(page_rows / length), math.ceil(page_columns / width)
        layers = math.ceil(page_depth / thickness)
        first = (plane * layers + depth // thickness) * down
        for row in range(rows.start // length, (rows.stop - 1) // length + 1):
            for column in range(across):
                number = (first + row) * across + column
                yield Segment(number, row * length, column * width)

    def _decode(
        self, segment: Segment, depth: int, rows: range, samples: slice, out: NDArray[Any]
    ) -> None:
        options: dict[str, Any] = {}
        if self.key.compression in _JPEG:
            options = {"jpegtables": self.jpeg_tables, "jpegheader": self.key.jpegheader}
        voxels, position, shape = self.key.decode(
            self._bytes(segment.number), segment.number, **options
        )
        start = max(rows.start, segment.row)
        stop = min(rows.stop, segment.row + shape[1])
        columns = out[start - rows.start : stop - rows.start, segment.column :][:, : shape[2]]
        if voxels is None:
            columns[...] = self.key.nodata
            return
        if voxels.dtype == bool:
            voxels = voxels.astype(np.uint8) * 255
        within = voxels[depth - position[1], start - segment.row : stop - segment.row]
        columns[...] = within[:, : columns.shape[1], samples]

    def _bytes(self, number: int) -> bytes | None:
        """The encoded segment, None for one that was never written."""
        if number >= len(self.offsets):
            raise ValueError("strips or tiles are missing from its directory")
        offset, count = self.offsets[number], self.byte_counts[number]
        if offset == 0 or count == 0:
            return None
        # Some programs count too many. Where bytes are missing, all decoders notice but JPEG's.
        there = max(os.fstat(self.descriptor).st_size - offset, 0)
        data = os.pread(self.descriptor, min(count, there), offset)
        if not data or (there < count and self.key.compression in _JPEG):
            raise ValueError("the file ends before its last strip or tile")
        return data


def key_of(page: TiffPage | TiffFrame) -> TiffPage:
    """The page whose tags hold for this one, too."""
    key = page.keyframe
    if key is None:
        raise ValueError("one of its pages has no description")
    return key


def is_raw(key: TiffPage) -> bool:
    """Whether the page's voxels stand in the file as they are."""
    return bool(key.is_final) and key._dtype is not None and key._dtype.kind in "iuf"


def reads_bands(key: TiffPage) -> bool:
    """Whether a few rows cost little: not where a strip is as long as the page."""
    if is_raw(key):
        return True
    length = key.tilelength if key.is_tiled else key.rowsperstrip
    return 4 * length <= key.imagelength


def check_segments(key: TiffPage) -> None:
    """Raise ValueError for strips or tiles that are too large to be decoded at all."""
    rows, columns = (
        (key.tilelength, key.tilewidth) if key.is_tiled else (key.rowsperstrip, key.imagewidth)
    )
    rows, depth = min(rows, max(key.imagelength, 1 << 16)), max(key.tiledepth, 1)
    if rows < 1 or columns < 1:
        raise ValueError("its strips or tiles are empty")
    if is_raw(key):
        return  # they are not decoded, but read where they lie
    itemsize = key._dtype.itemsize if key._dtype is not None else 1
    if rows * columns * depth * itemsize * key.samplesperpixel > LARGEST_WHOLE_SLICE_BYTES:
        raise ValueError("one of its strips or tiles is too large to be decoded")


def fill(descriptor: int, offset: int, room: NDArray[Any]) -> None:
    """Read a C-order array from `offset` on. Raises ValueError where the file ends before."""
    view = room.reshape(-1).view(np.uint8).data
    while view:
        count = os.preadv(descriptor, [view], offset)
        if count == 0:
            raise ValueError("the file ends before its last slice")
        view, offset = view[count:], offset + count
