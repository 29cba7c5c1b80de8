"""Files that gzip or bzip2 has packed as a whole: what their content begins with."""

import bz2
import gzip
import zlib
from pathlib import Path
from typing import BinaryIO

_GZIP = b"\x1f\x8b"
_BZIP2 = b"BZh"
SUFFIXES = (".gz", ".bz2")


def is_packed(head: bytes) -> bool:
    """Whether a file that begins with `head` is packed."""
    return head.startswith((_GZIP, _BZIP2))


def opened(path: Path) -> BinaryIO | gzip.GzipFile | bz2.BZ2File:
    """The file to be read, unpacked where it is packed."""
    file = path.open("rb")
    mark = file.read(3)
    file.seek(0)
    if mark.startswith(_GZIP):
        file.close()
        return gzip.open(path)
    if mark.startswith(_BZIP2):
        file.close()
        return bz2.open(path)
    return file


def unpacked_head(head: bytes, path: Path, length: int) -> bytes:
    """What the content of `path`, a file that begins with `head`, begins with: up to `length`
    bytes, nothing of a broken one.

    Of gzip the beginning of the file is enough, of bzip2 a block of up to 900 kB is needed.
    """
    try:
        if head.startswith(_GZIP):
            return zlib.decompressobj(31).decompress(head, length)
        if head.startswith(_BZIP2):
            with bz2.open(path) as stream:
                return stream.read(length)
    except (zlib.error, OSError, EOFError):
        return b""
    return head[:length]
