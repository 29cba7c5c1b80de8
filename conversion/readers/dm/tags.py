"""The tag tree of a DM3 or DM4 file, as https://personal.ntu.edu.sg/cbb/info/dmformat describes it.

All structure is big-endian; values are in the byte order that the header names. DM4 differs from
DM3 by 64-bit counts and by telling each tag's size.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from conversion.readers.errors import UnreadableImage

MOST_TAGS = 1_000_000
DEEPEST_GROUP = 64
LONGEST_TEXT = 4_096
MOST_FIELDS = 256

GROUP, VALUE = 20, 21
STRUCT, STRING, ARRAY = 15, 18, 20
TYPES = {2: "h", 3: "i", 4: "H", 5: "I", 6: "f", 7: "d", 8: "?", 9: "b", 10: "B", 11: "q", 12: "Q"}
"""The simple types, as `struct` writes them."""


@dataclass(frozen=True)
class Stored:
    """An array in the file: its place, and its bytes."""

    offset: int
    size: int


Tag = int | float | str | Stored | dict[str, "Tag"]
Group = dict[str, Tag]
"""Tags by label; one without a label is called by its place in the group, from "0" on."""


@dataclass(frozen=True)
class TagTree:
    root: Group
    byte_order: str
    """"<" or ">", of all values."""


def read_tree(path: Path) -> TagTree:
    """Raises UnreadableImage for what is no sound tag tree."""
    with path.open("rb") as file:
        try:
            return _Parser(file, path.stat().st_size).tree()
        except (_BrokenError, struct.error) as error:
            raise UnreadableImage(
                path,
                "Its Digital Micrograph tags can't be read.",
                f"The file is incomplete or damaged; export it again. ({error})",
            ) from error


class _BrokenError(Exception):
    """Why the tags are not sound, to stand in brackets."""


class _Parser:
    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._tags = 0
        self._version = self._number(">i")
        self._count = ">q" if self._version == 4 else ">i"
        self._number(self._count)  # of bytes that follow; wrong in some sound files
        self._order = "<" if self._number(">i") else ">"

    def tree(self) -> TagTree:
        if self._version not in (3, 4):
            raise _BrokenError(f"it has version {self._version}")
        return TagTree(self._group(0), self._order)

    def _group(self, depth: int) -> Group:
        if depth > DEEPEST_GROUP:
            raise _BrokenError("groups lie too deep in one another")
        self._skip(2)  # whether the group is sorted, and open on the screen
        count = self._number(self._count)
        self._tags += count
        if count < 0 or self._tags > MOST_TAGS:
            raise _BrokenError("there are too many tags")
        group: Group = {}
        for place in range(count):
            kind, label_size = self._number(">B"), self._number(">H")
            label = self._bytes(label_size).decode("latin-1") or str(place)
            if self._version == 4:
                self._skip(8)  # the bytes of this tag
            if kind == GROUP:
                group[label] = self._group(depth + 1)
            elif kind == VALUE:
                value = self._value()
                if value is not None:
                    group[label] = value
            else:
                raise _BrokenError(f"there is a tag of kind {kind}")
        return group

    def _value(self) -> Tag | None:
        """None for a struct, which no tag of an image's is."""
        if self._bytes(4) != b"%%%%":
            raise _BrokenError("a value does not begin as values do")
        count = self._number(self._count)
        if not 1 <= count <= 3 + 2 * MOST_FIELDS:
            raise _BrokenError(f"a value's type is told in {count} numbers")
        kind, *details = (self._number(self._count) for _ in range(count))
        if kind in TYPES and not details:
            return self._number(self._order + TYPES[kind])
        if kind == ARRAY and len(details) >= 2:
            *element, length = details
            return self._stored(length * _size_of(element))
        if kind == STRING and len(details) == 1:
            return self._stored(2 * details[0])
        if kind == STRUCT:
            self._skip(_size_of([kind, *details]))
            return None
        raise _BrokenError(f"a value has the type {kind}")

    def _stored(self, size: int) -> Stored:
        stored = Stored(self._file.tell(), size)
        self._skip(size)
        return stored

    def _skip(self, size: int) -> None:
        if not 0 <= size <= self._size - self._file.tell():
            raise _BrokenError("a value goes on beyond the end of the file")
        self._file.seek(size, 1)

    def _bytes(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise _BrokenError("the file ends within them")
        return data

    def _number(self, format_: str) -> int:
        layout = struct.Struct(format_)
        number: int = layout.unpack(self._bytes(layout.size))[0]
        return number


def _size_of(element: list[int]) -> int:
    """The bytes of a value of this type: one number, or 15, a length, n, and n x (length, type)."""
    kind, *details = element
    if kind == STRUCT and len(details) >= 2:
        kinds = details[3::2]
        if len(kinds) == details[1]:
            return sum(_size_of([kind]) for kind in kinds)
    elif kind in TYPES and not details:
        return struct.Struct("<" + TYPES[kind]).size
    raise _BrokenError(f"a value has the type {kind}")


def text(path: Path, tag: Tag | None) -> str:
    """The text of an array of UTF-16 characters; empty where there is none."""
    if not isinstance(tag, Stored) or not 0 < tag.size <= LONGEST_TEXT:
        return ""
    with path.open("rb") as file:
        file.seek(tag.offset)
        return file.read(tag.size).decode("utf-16-le", "replace").strip("\0 ")
