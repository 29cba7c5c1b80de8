"""How many bytes lie at a place, and whether all of them lie where they may."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_MOST_STRAYS = 5


class Walked(NamedTuple):
    """The bytes of the files at a place, and where links in it lead that may not lead there."""

    used_bytes: int
    strays: tuple[Path, ...]


def walk(place: Path, may_lead: Callable[[Path], bool]) -> Walked:
    """Look at everything at and below `place`, a file or directory; no file is opened.

    Bytes are the files' lengths, not the blocks that a file system spends on them. A file that is
    reached twice counts once. What vanishes or can't be listed meanwhile counts nothing. Links are
    followed where they stay below `place` and where `may_lead` lets their real path lead.
    """
    inside = Path(os.path.realpath(place))
    strays: list[Path] = []
    seen: set[tuple[int, int]] = set()
    used_bytes = 0
    pending = [(inside, False)]
    while pending:
        path, is_outside = pending.pop()
        try:
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                path = Path(os.path.realpath(path))
                if path.is_relative_to(inside):
                    continue  # met anyway
                if not may_lead(path):
                    strays.append(path)
                    continue
                found, is_outside = path.lstat(), True
            is_directory = stat.S_ISDIR(found.st_mode)
            # Only these can be met twice; remembering every file would take too much memory.
            if is_directory or is_outside or found.st_nlink > 1:
                identity = (found.st_dev, found.st_ino)
                if identity in seen:
                    continue
                seen.add(identity)
            if is_directory:
                pending += [(below, is_outside) for below in path.iterdir()]
            elif stat.S_ISREG(found.st_mode):
                used_bytes += found.st_size
        except OSError:
            continue
    return Walked(used_bytes, tuple(strays[:_MOST_STRAYS]))
