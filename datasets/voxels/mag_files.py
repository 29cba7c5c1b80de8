"""The files below a mag's directory, and none that lie elsewhere.

However the directory itself is reached, a link inside of it could put any file of the machine into
the mag. So every file that is read or sent is looked up here first.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from datasets.voxels.errors import VoxelsBroken

MayRead = Callable[[str], bool]
"""Whether what lies at a real path outside of a mag's directory may be read for the mag."""

_MAX_CHECKED: Final = 10_000
_OPEN_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class FoundFile(NamedTuple):
    """A regular file; `path` itself is no link, so that it can be opened without following one."""

    path: Path
    status: os.stat_result


class MagFiles:
    """The files below `directory`, which may be reached through links.

    Links below it are followed inside of the real directory, and to where `may_read` allows. A
    folder is remembered once it was found good: looking up one more file in it costs one call.
    """

    def __init__(self, directory: Path, may_read: MayRead | None = None) -> None:
        self.directory = directory
        self._inside = os.path.join(os.path.realpath(directory), "")  # noqa: PTH118 (for `/`, too)
        self._may_read = may_read
        self._checked: set[str] = {""}

    def find(self, name: str) -> FoundFile | None:
        """The file `name`, a path relative to the directory without `..`; None where it is absent.

        Raises VoxelsBroken where it is no regular file or lies elsewhere.
        """
        path = self.directory / name
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                path = Path(os.path.realpath(path, strict=True))
                self._check(str(path), name)
                status = os.lstat(path)
            elif (folder := name.rpartition("/")[0]) not in self._checked:
                self._check_folder(folder, name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise VoxelsBroken(name, str(error.strerror)) from error
        if not stat.S_ISREG(status.st_mode):
            raise VoxelsBroken(name, "it is not a regular file")
        return FoundFile(path, status)

    def check_links(self) -> None:
        """Raise VoxelsBroken where a link in the directory itself leads elsewhere."""
        try:
            with os.scandir(self.directory) as entries:
                links = [entry.name for entry in entries if entry.is_symlink()]
        except OSError as error:
            raise VoxelsBroken(self.directory.name, str(error.strerror)) from error
        for name in links:
            self._check(os.path.realpath(self.directory / name), name)

    def _check_folder(self, folder: str, name: str) -> None:
        self._check(os.path.realpath(self.directory / folder), name)
        if len(self._checked) >= _MAX_CHECKED:
            self._checked = {""}
        self._checked.add(folder)

    def _check(self, real_path: str, name: str) -> None:
        if real_path.startswith(self._inside) or real_path == self._inside[:-1]:
            return
        if self._may_read is None or not self._may_read(real_path):
            raise VoxelsBroken(
                name,
                "a link puts it outside of the dataset; link the whole mag or layer instead, or "
                "have the operator add the place to ALLOWED_DATA_PATHS",
            )


def open_found(path: Path | str) -> int:
    """A descriptor for reading a file that was found. Raises OSError where it became a link."""
    return os.open(path, _OPEN_FLAGS)
