"""Reading the small files that describe an array, whoever put them there."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def read_start(path: Path, at_most: int) -> bytes:
    """Return the first bytes of a regular file; raises OSError for anything else, too."""
    with open(path, "rb", opener=_open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        return file.read(at_most)


def _open_at_once(path: str, flags: int) -> int:
    # Opening a pipe would wait for ever for somebody to write to it.
    return os.open(path, flags | os.O_NONBLOCK)
