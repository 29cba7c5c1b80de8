"""Reads raw voxels: as a person describes them, or as a header beside them does (.mhd, .rpl).

Sources: MetaImage (https://itk.org/Wiki/ITK/MetaIO/Documentation), and the Ripple format of Lispix
(https://www.nist.gov/lispix/doc/image-file-formats/raw-file-format.htm). .nhdr is for `nrrd`.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from conversion.readers.errors import UnreadableImage
from conversion.readers.mapped import MappedImage, native, strides_of
from conversion.readers.protocol import SPACE_AXES, Image, ImageInfo, Reader, is_voxel_dtype
from conversion.readers.voxel_sizes import believable
from datasets.properties import Vec3Int, VoxelSize

_LONGEST_HEADER = 1 << 16
_META_TYPES = {
    "MET_UCHAR": "u1",
    "MET_CHAR": "i1",
    "MET_USHORT": "u2",
    "MET_SHORT": "i2",
    "MET_UINT": "u4",
    "MET_INT": "i4",
    "MET_ULONG": "u4",
    "MET_LONG": "i4",
    "MET_ULONG_LONG": "u8",
    "MET_LONG_LONG": "i8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_RIPPLE_TYPES = {"unsigned": "u", "signed": "i", "float": "f"}
_BAD_HEADER = "Its header lacks a field, or has one that makes no sense."
_MEND_HEADER = "Correct the header, or export the file again."

NEEDS_DESCRIPTION = (
    "A raw file does not say what its voxels are.",
    "Give their size, type, byte order and offset, or put the .mhd, .nhdr or .rpl file that "
    "describes them beside it.",
)


@dataclass(frozen=True)
class RawDescription:
    """What a person says of a file of raw voxels; x is fastest, then y, z, and channels."""

    file: Path
    size: Vec3Int
    """x, y, z, in voxels."""
    dtype: str
    """As the voxels become, such as `uint16`."""
    byte_order: Literal["little", "big"] = "little"
    offset: int = 0
    """Bytes before the first voxel."""
    channels: int = 1


class RawReader(Reader):
    """For `open_raw`; by itself a raw file tells nothing, so none is recognised."""

    name = "raw"
    suffixes = (".raw",)

    def sniff(self, head: bytes, path: Path) -> bool:
        return False

    def open(self, path: Path) -> list[Image]:
        raise UnreadableImage(path, *NEEDS_DESCRIPTION)


class RawImage(MappedImage):
    """Described by a person, so it is the description that finds it again."""

    def __init__(self, description: RawDescription) -> None:
        size = (description.channels, *description.size[::-1])
        if min(size) < 1 or description.offset < 0:
            raise UnreadableImage(
                description.file, "Its size and offset can't be negative or zero.", "Correct them."
            )
        stored = _stored(description.file, description.dtype, description.byte_order)
        info = ImageInfo(name="", axes=SPACE_AXES, shape=size, dtype=native(stored))
        _check_length(
            description.file,
            description.file,
            description.offset,
            math.prod(size) * stored.itemsize,
        )
        super().__init__(
            RawReader(),
            description.file,
            0,
            info,
            file=description.file,
            offset=description.offset,
            stored=stored,
            strides=strides_of(size, stored.itemsize),
        )
        self._description = description

    def __reduce__(self) -> tuple[Any, ...]:
        return RawImage, (self._description,)


def open_raw(description: RawDescription) -> Image:
    """Raises UnreadableImage for a file that is not exactly as long as its description says."""
    return RawImage(description)


class MetaImageReader(Reader):
    """ElementSpacing counts in millimetres, unless DistanceUnits says otherwise (MetaIO)."""

    name = "MetaImage"
    suffixes = (".mhd", ".mha")

    def sniff(self, head: bytes, path: Path) -> bool:
        return (
            re.match(rb"\s*(ObjectType|NDims|Comment)\s*=", head) is not None and b"NDims" in head
        )

    def open(self, path: Path) -> list[Image]:
        with path.open("rb") as file:
            head = file.read(_LONGEST_HEADER)
        header, end = _meta_header(head)
        try:
            return [self._image(path, header, end)]
        except (KeyError, ValueError, OverflowError) as error:
            raise UnreadableImage(path, _BAD_HEADER, _MEND_HEADER) from error

    def _image(self, path: Path, header: dict[str, str], end: int) -> Image:
        if header.get("CompressedData", "False").lower() == "true":
            raise UnreadableImage(path, "Its voxels are compressed.", "Save it uncompressed.")
        lengths = [int(length) for length in header["DimSize"].split()]
        if len(lengths) != int(header["NDims"]) or not 2 <= len(lengths) <= 4 or min(lengths) < 1:
            raise ValueError("An image has 2 to 4 axes.")
        samples = int(header.get("ElementNumberOfChannels", "1"))
        is_msb = header.get("BinaryDataByteOrderMSB", header.get("ElementByteOrderMSB", "False"))
        dtype = _META_TYPES.get(header["ElementType"].removesuffix("_ARRAY"), header["ElementType"])
        stored = _stored(path, dtype, "big" if is_msb.lower() == "true" else "little")
        x, y, z, t = (*lengths, 1, 1)[:4]
        of_t, of_z, of_y, of_x, of_sample = strides_of((t, z, y, x, samples), stored.itemsize)
        is_rgb = samples == 3 and stored == np.uint8
        size, notes = _meta_voxel_size(header, depth=z)
        info = ImageInfo(
            name="",
            axes=(*(("t",) if t > 1 else ()), *SPACE_AXES),
            shape=(*((t,) if t > 1 else ()), 1 if is_rgb else samples, z, y, x),
            dtype=native(stored),
            is_rgb=is_rgb,
            voxel_size=size,
            voxel_size_source="the MetaImage header" if size else "",
            notes=notes,
        )
        strides = (*((of_t,) if t > 1 else ()), of_sample, of_z, of_y, of_x)
        needed = t * of_t
        file = (
            path
            if header["ElementDataFile"] == "LOCAL"
            else _beside(path, header["ElementDataFile"])
        )
        offset = end if file == path else int(header.get("HeaderSize", "0"))
        if offset == -1:
            offset = file.stat().st_size - needed
        _check_length(path, file, offset, needed)
        return MappedImage(
            self,
            path,
            0,
            info,
            file=file,
            offset=offset,
            stored=stored,
            strides=(*strides, of_sample) if is_rgb else strides,
            files=(path,) if file == path else (path, file),
        )


class RippleReader(Reader):
    name = "Ripple"
    suffixes = (".rpl",)

    def sniff(self, head: bytes, path: Path) -> bool:
        return path.suffix.lower() == ".rpl" and b"data-length" in head.lower()

    def open(self, path: Path) -> list[Image]:
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = file.read(_LONGEST_HEADER).splitlines()
        header = dict(_words(line) for line in lines if not line.startswith(";"))
        try:
            return [self._image(path, header)]
        except (KeyError, ValueError, OverflowError) as error:
            raise UnreadableImage(path, _BAD_HEADER, _MEND_HEADER) from error

    def _image(self, path: Path, header: dict[str, str]) -> Image:
        """`record-by vector` stores the depth of each pixel together, `image` slice after slice."""
        x, y, z = int(header["width"]), int(header["height"]), int(header["depth"])
        dtype = _RIPPLE_TYPES[header["data-type"]] + header["data-length"]
        order: Literal["little", "big"] = (
            "big" if header["byte-order"] == "big-endian" else "little"
        )
        stored = _stored(path, dtype, order)
        if header["record-by"] == "vector":
            of_y, of_x, of_z = strides_of((y, x, z), stored.itemsize)
        else:
            of_z, of_y, of_x = strides_of((z, y, x), stored.itemsize)
        needed = x * y * z * stored.itemsize
        file, offset = _beside(path, f"{path.stem}.raw"), int(header.get("offset", "0"))
        _check_length(path, file, offset, needed)
        info = ImageInfo(name="", axes=SPACE_AXES, shape=(1, z, y, x), dtype=native(stored))
        return MappedImage(
            self,
            path,
            0,
            info,
            file=file,
            offset=offset,
            stored=stored,
            strides=(needed, of_z, of_y, of_x),
            files=(path, file),
        )


def _meta_header(head: bytes) -> tuple[dict[str, str], int]:
    """The fields, and where voxels begin that follow them: after ElementDataFile, the last one."""
    fields: dict[str, str] = {}
    end = 0
    for line in head.splitlines(keepends=True):
        end += len(line)
        name, _, value = line.decode("utf-8", "replace").partition("=")
        fields[name.strip()] = value.strip()
        if name.strip() == "ElementDataFile":
            break
    return fields, end


def _meta_voxel_size(
    header: dict[str, str], depth: int
) -> tuple[VoxelSize | None, tuple[str, ...]]:
    spacing = header.get("ElementSpacing", header.get("ElementSize", ""))
    lengths = [float(length) for length in spacing.split()]
    if len(lengths) < 2 or all(length == 1 for length in lengths):
        return None, ()
    x, y, z = (*lengths, None)[:3]
    unit = header.get("DistanceUnits")
    size = believable(x, y, z, unit or "mm", depth=depth)
    guessed = size is not None and unit is None
    return size, ("Its header names no unit of length: taken for millimetres.",) if guessed else ()


def _words(line: str) -> tuple[str, str]:
    name, _, value = line.strip().partition("\t")
    if not value:
        name, _, value = line.strip().partition(" ")
    return name.strip().lower(), value.strip().split("\t")[0].strip().lower()


def _stored(file: Path, dtype: str, byte_order: Literal["little", "big"]) -> np.dtype[Any]:
    try:
        stored = np.dtype(dtype).newbyteorder("<" if byte_order == "little" else ">")
    except TypeError:
        stored = np.dtype(object)
    if not is_voxel_dtype(stored.newbyteorder("=")):
        raise UnreadableImage(
            file, f"Its voxels are of the type '{dtype[:40]}'.", "Use numbers of 8 to 64 bits."
        )
    return stored


def _beside(path: Path, name: str) -> Path:
    """The file of voxels that a header names. Raises UnreadableImage if it is not beside it."""
    file = path.with_name(Path(name).name)
    if Path(name).name != name or not file.is_file():
        raise UnreadableImage(
            path,
            f"It describes the file '{name[:100]}', which is not beside it.",
            "Put both files into one folder.",
        )
    return file


def _check_length(path: Path, file: Path, offset: int, needed: int) -> None:
    """Raise UnreadableImage where `file` is not as long as `path`, or a person, says it is."""
    there = file.stat().st_size
    if offset < 0 or there != offset + needed:
        raise UnreadableImage(
            path,
            f"'{file.name}' has {there:,} bytes, but by its size, type and offset it should have "
            f"{offset + needed:,}.",
            "Correct its description.",
        )
