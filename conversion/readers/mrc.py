"""Reads MRC files: https://www.ccpem.ac.uk/mrc_format/mrc2014.php, and IMOD's older ones.

A header of 1,024 bytes, an extended header, then the voxels; the whole may be packed by gzip or
bzip2, as the EMDB gives maps out.
"""

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from conversion.readers.compressed import SUFFIXES, is_packed, opened, unpacked_head
from conversion.readers.errors import UnreadableImage, decoding
from conversion.readers.mapped import MappedImage, native, strides_of
from conversion.readers.protocol import Image, ImageInfo, Reader
from conversion.readers.voxel_sizes import believable
from datasets.properties import LengthUnit

HEADER_BYTES = 1024
_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2", 16: "u1"}
_RGB = 16
_REFUSED = {3: "complex numbers", 4: "complex numbers", 101: "of four bits each"}
_IMOD_STAMP = 1146047817
_FIRST_VOLUME_STACK = 401
"""From this space group on, the sections are of several volumes."""
_ORDERS = (((b"DD", b"DA"), "<"), ((b"\x11\x11",), ">"))


class _Header(NamedTuple):
    """The words that matter, by their names in the description of the format."""

    byte_order: str
    n: tuple[int, int, int]
    """Columns, rows, sections."""
    mode: int
    m: tuple[int, int, int]
    """Intervals along X, Y, Z of the cell."""
    cell: tuple[float, float, float]
    """Edges of the cell along X, Y, Z, in angstrom."""
    angles: tuple[float, float, float]
    axes: tuple[int, int, int]
    """MAPC, MAPR, MAPS: which of X, Y, Z (1, 2, 3) columns, rows and sections are."""
    smallest: float
    largest: float
    space_group: int
    extended: int
    imod_stamp: int
    imod_flags: int

    @classmethod
    def parsed(cls, head: bytes, order: str) -> "_Header":
        integers = struct.unpack_from(f"{order}10i", head)
        floats = struct.unpack_from(f"{order}6f", head, 40)
        axes = struct.unpack_from(f"{order}3i", head, 64)
        smallest, largest, _, space_group, extended = struct.unpack_from(f"{order}3f2i", head, 76)
        return cls(
            order,
            integers[:3],
            integers[3],
            integers[7:],
            floats[:3],
            floats[3:],
            axes if any(axes) else (1, 2, 3),
            smallest,
            largest,
            space_group,
            extended,
            *struct.unpack_from(f"{order}2i", head, 152),
        )

    @property
    def is_plausible(self) -> bool:
        known = self.mode in _TYPES or self.mode in _REFUSED
        return known and min(self.n) > 0 and sorted(self.axes) == [1, 2, 3] and self.extended >= 0


class MRCReader(Reader):
    """MRC, CCP4 and IMOD stacks and maps; voxels in the order x, y, z whatever that in the file."""

    name = "MRC"
    suffixes = (
        *(".mrc", ".map", ".rec", ".st", ".mrcs", ".ali", ".preali", ".ccp4"),
        *(f"{plain}{packed}" for plain in (".mrc", ".map", ".rec") for packed in SUFFIXES),
    )

    def sniff(self, head: bytes, path: Path) -> bool:
        suits = path.name.lower().endswith(self.suffixes)
        if is_packed(head) and suits:
            head = unpacked_head(head, path, HEADER_BYTES)
        if head[208:212] == b"MAP ":
            return True
        return suits and _header(head) is not None

    def open(self, path: Path) -> list[Image]:
        with decoding(path, self.name), opened(path) as file:
            header = _header(file.read(HEADER_BYTES))
        if header is None:
            raise UnreadableImage(
                path, "Its MRC header makes no sense.", "It is damaged; export it again."
            )
        if header.mode in _REFUSED:
            raise UnreadableImage(
                path,
                f"Its voxels are {_REFUSED[header.mode]} (mode {header.mode}).",
                "Convert it to real numbers of 8 bits or more, with IMOD's newstack say.",
            )
        return [self._image(path, header)]

    def _image(self, path: Path, header: _Header) -> Image:
        stored = np.dtype(header.byte_order + _TYPES[header.mode])
        notes = []
        if header.mode == 0 and _bytes_are_unsigned(header):
            stored = np.dtype(np.uint8)
        is_rgb = header.mode == _RGB
        voxel_bytes = 3 if is_rgb else stored.itemsize
        # The file's axes, the fastest first, by the names that MAPC, MAPR and MAPS give them.
        names = ["xyz"[axis - 1] for axis in header.axes]
        steps = strides_of(header.n[::-1], voxel_bytes)[::-1]
        lengths = dict(zip(names, header.n, strict=True))
        strides = dict(zip(names, steps, strict=True))
        depth = header.m[2]
        if header.space_group >= _FIRST_VOLUME_STACK and names[2] == "z" and depth > 0:
            volumes, left_over = divmod(lengths["z"], depth)
            if volumes > 1 and not left_over:
                lengths |= {"v": volumes, "z": depth}
                strides["v"] = strides["z"] * depth
        axes = (*(("v",) if "v" in lengths else ()), "c", "z", "y", "x")
        edges = [
            length / count if count > 0 else 0
            for length, count in zip(header.cell, header.m, strict=True)
        ]
        if edges == [1, 1, 1]:
            notes.append(
                "Its voxels are 1 Å wide: programs write this also when they know no size."
            )
        if any(angle not in (0, 90) for angle in header.angles):
            told = ", ".join(f"{angle:g}°" for angle in header.angles)
            notes.append(
                f"Its axes are not at right angles ({told}); they are shown as if they were."
            )
        x, y, z = edges
        with path.open("rb") as file:
            is_compressed = is_packed(file.read(3))
        info = ImageInfo(
            name="",
            axes=axes,
            shape=tuple(lengths.get(axis, 1) for axis in axes),
            dtype=native(stored),
            is_rgb=is_rgb,
            voxel_size=believable(x, y, z, LengthUnit.ANGSTROM, depth=lengths["z"]),
            voxel_size_source="the MRC header",
            notes=tuple(notes),
        )
        return MappedImage(
            self,
            path,
            0,
            info,
            file=path,
            offset=HEADER_BYTES + header.extended,
            stored=stored,
            strides=(*(strides.get(axis, 0) for axis in axes), *((1,) if is_rgb else ())),
            stream_from=0 if is_compressed else None,
        )


def _header(head: bytes) -> _Header | None:
    """The header in the byte order that it names, or else in the one that makes sense."""
    if len(head) < HEADER_BYTES:
        return None
    named = [order for stamps, order in _ORDERS if head[212:214] in stamps]
    headers = (_Header.parsed(head, order) for order in (*named, "<", ">"))
    return next((header for header in headers if header.is_plausible), None)


def _bytes_are_unsigned(header: _Header) -> bool:
    """Mode 0 is signed since 2014; before it was not, and the smallest and largest voxel tell."""
    if header.smallest < header.largest:
        if header.largest > np.iinfo(np.int8).max:
            return True
        if header.smallest < 0:
            return False
    return header.imod_stamp == _IMOD_STAMP and not header.imod_flags & 1
