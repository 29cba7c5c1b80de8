"""Looks at a TIFF file's directories and OME-XML before tifffile believes them.

tifffile follows the chain of directories until it ends, opens the files that OME-XML names, and
makes lists as long as OME-XML says. Sources: TIFF 6.0, section 2; BigTIFF; OME-TIFF specification.
"""

import math
import struct
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

from conversion.readers.errors import UnreadableImage
from conversion.readers.limits import LARGEST_SLICES

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_DAMAGED = "The file is damaged: export it again."
_MOST_TAGS = 4096


def check_directories(path: Path) -> UnreadableImage | None:
    """Raise UnreadableImage for a chain of directories that never ends.

    What there is to say of a chain that leads beyond the end of the file is returned: tifffile
    would take the pages before for all there are.
    """
    with path.open("rb") as file:
        magic = file.read(4)
        order = "<" if magic[:2] == b"II" else ">"
        is_big = magic[2:] in (b"+\0", b"\0+")
        file.seek(8 if is_big else 4)
        offset_format = order + ("Q" if is_big else "I")
        count_format = order + ("Q" if is_big else "H")
        tag_size = 20 if is_big else 12
        size = path.stat().st_size
        seen: set[int] = set()
        offset = _number(file, offset_format)
        while offset:
            if offset >= size:
                return _cut_off(path, len(seen))
            if offset in seen or len(seen) > LARGEST_SLICES:
                raise UnreadableImage(
                    path,
                    f"After page {len(seen)}, its directories lead back to earlier ones.",
                    _DAMAGED,
                )
            seen.add(offset)
            file.seek(offset)
            tags = _number(file, count_format)
            if tags is not None and tags > _MOST_TAGS:
                return None  # tifffile tells what is wrong there
            file.seek((tags or 0) * tag_size, 1)
            offset = _number(file, offset_format)
            if tags is None or offset is None:
                return _cut_off(path, len(seen) - 1)
    return None


def _cut_off(path: Path, whole_pages: int) -> UnreadableImage:
    return UnreadableImage(
        path,
        f"It ends before, or in, the directory of page {whole_pages + 1}.",
        "It is incomplete: export or copy it again.",
    )


def _number(file: BinaryIO, format_: str) -> int | None:
    data = file.read(struct.calcsize(format_))
    return int(struct.unpack(format_, data)[0]) if len(data) == struct.calcsize(format_) else None


def parse_ome(path: Path, text: str) -> list[ElementTree.Element]:
    """The Image elements of OME-XML, whose names have lost their namespace.

    Raises UnreadableImage where they claim more slices than can be, or name files elsewhere.
    """
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 (expat itself bounds entities)
    except ElementTree.ParseError:
        return []  # tifffile falls back to the pages
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
    for pixels in root.iter("Pixels"):
        sizes = [_size(pixels.get(f"Size{axis}")) for axis in "ZCT"]
        counts = [
            _size(data.get(name)) + _size(data.get(first))
            for data in pixels.iter("TiffData")
            for name, first in (("PlaneCount", "FirstZ"), ("NumPlanes", "FirstT"))
        ]
        if max(math.prod(sizes), *counts, 0) > LARGEST_SLICES:
            raise UnreadableImage(
                path, "Its OME-XML claims more slices than can be read.", _DAMAGED
            )
    for uuid in root.iter("UUID"):
        name = uuid.get("FileName", "")
        if "/" in name or name in ("..", "."):
            raise UnreadableImage(
                path,
                f"Its OME-XML wants '{name}', which is not beside it.",
                "Put the files of a multi-file OME-TIFF into one folder and export them again.",
            )
    return list(root.iter("Image"))


def _size(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 1
