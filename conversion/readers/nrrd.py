"""Reads NRRD files: https://teem.sourceforge.net/nrrd/format.html

A header of text lines, then the voxels, raw or as one compressed stream, in the same file
or in one beside it.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from conversion.readers.errors import UnreadableImage
from conversion.readers.mapped import MappedImage, native, strides_of
from conversion.readers.protocol import Image, ImageInfo, Reader
from conversion.readers.voxel_sizes import believable
from datasets.properties import LengthUnit, VoxelSize, parse_unit

LONGEST_HEADER = 1 << 20
MOST_AXES = 16
_TYPES = {
    name: code
    for code, names in {
        "i1": "signed char, int8, int8_t",
        "u1": "uchar, unsigned char, uint8, uint8_t",
        "i2": "short, short int, signed short, signed short int, int16, int16_t",
        "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
        "i4": "int, signed int, int32, int32_t",
        "u4": "uint, unsigned int, uint32, uint32_t",
        "i8": "longlong, long long, long long int, signed long long, int64, int64_t",
        "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
        "f4": "float",
        "f8": "double",
    }.items()
    for name in names.split(", ")
}
_COMPRESSED = ("gzip", "gz", "bzip2", "bz2")
_COLOURS = {"rgb-color": 3, "3-color": 3, "rgba-color": 4, "4-color": 4}
_SPACE_KINDS = ("domain", "space", "???", "none", "")
_ANATOMICAL = re.compile(r"(left|right)-(anterior|posterior)-(superior|inferior)|[lr][ap][si]")
_VECTOR = re.compile(r"none|\([^()]*\)")


class NRRDReader(Reader):
    """The voxel size comes from spacings or space directions; kinds tell channels, colours, time.

    Voxels apart from the header are only read from within the header's folder.
    """

    name = "NRRD"
    suffixes = (".nrrd", ".nhdr")

    def sniff(self, head: bytes, path: Path) -> bool:
        return head.startswith(b"NRRD000")

    def open(self, path: Path) -> list[Image]:
        with path.open("rb") as file:
            start = file.read(LONGEST_HEADER)
        header = _Header(start)
        try:
            return [_image(self, path, header)]
        except (ValueError, KeyError, OverflowError) as error:
            raise UnreadableImage(
                path,
                "Its NRRD header lacks a field, or has one that makes no sense.",
                "It is damaged; export it again.",
            ) from error


class _Header:
    """Its fields by their lower-case names, and where it ends."""

    def __init__(self, start: bytes) -> None:
        end = re.search(rb"\r?\n\r?\n", start)
        text = start[: end.start() if end else len(start)].decode("utf-8", "replace")
        self.end = end.end() if end else len(start)
        self.fields: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        for line in text.splitlines()[1:]:
            if not line.startswith("#"):
                name, separator, value = line.partition(":")
                if value.startswith("="):
                    self.keys[name] = value[1:]
                elif separator:
                    self.fields[name.strip().lower()] = value.strip()
        for long, short in (("data file", "datafile"), ("line skip", "lineskip")):
            if short in self.fields:
                self.fields.setdefault(long, self.fields[short])
        if "byteskip" in self.fields:
            self.fields.setdefault("byte skip", self.fields["byteskip"])

    def __getitem__(self, name: str) -> str:
        return self.fields[name]

    def get(self, name: str) -> str:
        return self.fields.get(name, "")

    def words(self, name: str) -> list[str]:
        """One for each axis, or none at all."""
        return self.get(name).split()

    def quoted(self, name: str) -> list[str]:
        return re.findall(r'"([^"]*)"', self.get(name))


def _image(reader: NRRDReader, path: Path, header: _Header) -> Image:
    lengths = [int(length) for length in header["sizes"].split()]
    if len(lengths) != int(header["dimension"]) or not 2 <= len(lengths) <= MOST_AXES:
        raise ValueError("A NRRD has 2 to 16 axes.")
    if min(lengths) < 1:
        raise ValueError("An axis has no length.")
    type_name, encoding = header["type"].lower(), header["encoding"].lower()
    if type_name not in _TYPES:
        raise UnreadableImage(
            path,
            f"Its voxels are of the type '{type_name[:40]}'.",
            "Export it with numbers of 8 to 64 bits.",
        )
    if encoding != "raw" and encoding not in _COMPRESSED:
        raise UnreadableImage(
            path,
            f"Its voxels are encoded as '{encoding[:40]}'.",
            "Export it as raw or gzip.",
        )
    axes, notes = _axes(header, lengths)
    stored = np.dtype((">" if header.get("endian").lower() == "big" else "<") + _TYPES[type_name])
    strides = dict(zip(axes, strides_of(lengths[::-1], stored.itemsize)[::-1], strict=True))
    by_axis = dict(zip(axes, lengths, strict=True))
    is_rgb = "rgb" in by_axis
    own = (*sorted(by_axis.keys() - {"c", "z", "y", "x", "rgb"}), "c", "z", "y", "x")
    size = _voxel_size(header, axes, by_axis.get("z", 1), notes)
    info = ImageInfo(
        name="",
        axes=own,
        shape=tuple(by_axis.get(axis, 1) for axis in own),
        dtype=native(stored),
        is_rgb=is_rgb,
        voxel_size=size,
        voxel_size_source="the NRRD header",
        is_labels="Segment0_ID" in header.keys,
        notes=tuple(notes),
    )
    file, start = _data_file(path, header)
    skipped = int(header.get("byte skip") or 0)
    if skipped == -1 and encoding == "raw":
        start, skipped = file.stat().st_size - stored.itemsize * math.prod(lengths), 0
    if skipped < 0:
        raise ValueError("A negative number of bytes can't be skipped.")
    is_raw = encoding == "raw"
    return MappedImage(
        reader,
        path,
        0,
        info,
        file=file,
        offset=start + skipped if is_raw else skipped,
        stored=stored,
        strides=(*(strides.get(axis, 0) for axis in own), *((strides["rgb"],) if is_rgb else ())),
        stream_from=None if is_raw else start,
        files=(path,) if file == path else (path, file),
    )


def _axes(header: _Header, lengths: list[int]) -> tuple[list[str], list[str]]:
    """A name for each axis, the fastest first, and what has to be said of it."""
    kinds = [kind.lower() for kind in header.words("kinds")]
    directions = _VECTOR.findall(header.get("space directions"))
    names: list[str] = []
    space = iter("xyz")
    further = iter(f"{letter}" for letter in "uvwabdefghij")
    for axis, length in enumerate(lengths):
        kind = kinds[axis] if axis < len(kinds) else ""
        is_space = kind in _SPACE_KINDS and (directions[axis : axis + 1] != ["none"])
        if _COLOURS.get(kind) == length and "rgb" not in names:
            names.append("rgb")
        elif kind == "time" and "t" not in names:
            names.append("t")
        elif is_space:
            names.append(next(space, None) or next(further))
        else:
            names.append(next(further) if "c" in names else "c")
    if "y" not in names:
        raise ValueError("There are no two axes in space.")
    return names, list(_remarks(names))


def _remarks(names: list[str]) -> Iterator[str]:
    if unnamed := [name for name in names if name in "uvwabdefghij"]:
        yield f"It does not tell what its axes after the third are; they became {unnamed}."


def _voxel_size(header: _Header, axes: list[str], depth: int, notes: list[str]) -> VoxelSize | None:
    lengths = dict(zip(axes, _steps(header), strict=False))
    in_space = [axis for axis in axes if axis in ("x", "y", "z")]
    if units := header.quoted("space units"):
        named = dict(zip(in_space, units, strict=False))
    else:
        named = dict(zip(axes, header.quoted("units"), strict=False))
    if not any(named.values()) and _ANATOMICAL.match(header.get("space").lower()):
        notes.append("It names no unit of length; millimetres are usual in anatomical space.")
        named = dict.fromkeys(in_space, LengthUnit.MILLIMETER.value)
    unit = named.get("x", "")
    x, y, z = (_in_unit(lengths.get(axis), named.get(axis, ""), unit) for axis in "xyz")
    return believable(x, y, z, unit, depth=depth)


def _steps(header: _Header) -> Iterator[float | None]:
    """The distance of voxels on each axis."""
    if header.get("space directions"):
        for vector in _VECTOR.findall(header["space directions"]):
            parts = vector.strip("()").split(",")
            yield None if vector == "none" else math.hypot(*(float(part) for part in parts))
    else:
        yield from (float(word) for word in header.words("spacings"))


def _in_unit(length: float | None, own: str, unit: str) -> float | None:
    if length is None or own == unit:
        return length
    try:
        return length * parse_unit(own).nanometers / parse_unit(unit).nanometers
    except ValueError:
        return None


def _data_file(path: Path, header: _Header) -> tuple[Path, int]:
    """The file with the voxels, and the byte where they begin after skipped lines."""
    name = header.get("data file")
    if not name:
        file, start = path, header.end
    elif name.startswith("LIST") or "%" in name:
        raise UnreadableImage(
            path,
            "Its voxels are spread over several files.",
            "Save it as one .nrrd file, with Slicer or teem's unu say.",
        )
    else:
        file, start = _beside(path, name), 0
    lines = int(header.get("line skip") or 0)
    if not 0 <= lines <= LONGEST_HEADER:
        raise ValueError("That number of lines can't be skipped.")
    with file.open("rb") as data:
        data.seek(start)
        for _ in range(lines):
            data.readline(LONGEST_HEADER)
        return file, data.tell()


def _beside(path: Path, name: str) -> Path:
    """A file in the header's folder, or further inside: a header from anywhere may name any."""
    folder = path.parent.resolve()
    file = (folder / name).resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        raise UnreadableImage(
            path,
            f"Its voxels should be in '{name[:200]}', which is not beside it.",
            "Bring both files in one folder.",
        )
    return file
