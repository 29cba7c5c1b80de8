"""Data on its way out: moved aside at once, removed for good when the tables no longer know it.

What is moved lies in `<organization>/.trash/<entry>/data`, beside a file that says where it came
from: below BINARY_DATA_DIR, or below that of UPLOAD_PATHS where it lay. It is the same volume, so
moving is one rename, and scans pass over hidden names. Who still needs data, and what the tables
say of it, is for datasets.services.
"""

import contextlib
import errno
import logging
import math
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sharing.errors import Conflict

DIRECTORY = ".trash"
_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}

logger = logging.getLogger(__name__)


class NotRemoved(Conflict):
    """Data that can't be moved aside; nothing was changed."""


class ReadOnly(NotRemoved):
    """Data that the site may only read: it is not the site's to remove."""


@dataclass(frozen=True)
class Entry:
    """Something in the trash; `origin` is where it lay, below the organization's directory."""

    directory: Path
    origin: str

    @property
    def data(self) -> Path:
        """The file, link or directory that was moved."""
        return self.directory / "data"

    @property
    def age(self) -> float:
        """Seconds since it was moved here."""
        return time.time() - self.directory.stat().st_mtime

    def put_back(self) -> None:
        """Move it back to where it lay. Raises OSError."""
        place = self.directory.parent.parent / self.origin
        place.parent.mkdir(parents=True, exist_ok=True)
        self.data.rename(place)
        self.remove()

    def remove(self, until: float = math.inf) -> bool:
        """Remove it for good: of a link only the link. What can't be removed stays in the trash.

        Stops where time.monotonic() has reached `until`; whether all of it is gone.
        """
        with contextlib.suppress(FileNotFoundError):
            if self.data.is_dir() and not self.data.is_symlink():
                if not _remove_tree(self.data, until):
                    return False
            else:
                self.data.unlink()
        shutil.rmtree(self.directory, ignore_errors=True)
        return True


class Removal:
    """A context in which data is moved aside; if it ends with an error, all of it is put back."""

    def __init__(self, organization_directories: Sequence[Path]) -> None:
        self._roots = organization_directories
        self.entries: list[Entry] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while error is not None and self.entries:
            entry = self.entries.pop()
            try:
                entry.put_back()
            except OSError:  # emptying the trash tries again
                logger.exception("%s could not be put back from the trash", entry.origin)

    def take(self, place: Path) -> None:
        """Move what lies at `place`, in one of the directories, aside. Raises NotRemoved."""
        roots = [root for root in self._roots if root in place.parents]
        if not roots or ".." in place.parts:
            raise NotRemoved(f"'{place}' is no place of one dataset; nothing was removed.")
        root = max(roots, key=lambda root: len(root.parts))
        origin = os.fspath(place.relative_to(root))
        entry = Entry(root / DIRECTORY / secrets.token_hex(12), origin)
        try:
            _require_no_link(entry.directory.parent)
            entry.directory.mkdir(parents=True)
            with (entry.directory / "origin").open("w", encoding="utf-8") as file:
                file.write(origin)
                file.flush()
                os.fsync(file.fileno())
            place.rename(entry.data)
        except OSError as problem:
            shutil.rmtree(entry.directory, ignore_errors=True)
            if problem.errno in _READ_ONLY:
                raise ReadOnly(
                    f"'{origin}' can't be removed: the site may only read it. Grant it the right "
                    "to write there, or remove the data yourself."
                ) from problem
            raise NotRemoved(
                f"'{origin}' can't be removed ({problem.strerror}). Have the operator look at the "
                "disk."
            ) from problem
        self.entries.append(entry)


def entries(organization_directory: Path) -> Iterator[Entry]:
    """All that lies in the organization's trash."""
    directories: list[Path] = []
    with contextlib.suppress(OSError):
        _require_no_link(organization_directory / DIRECTORY)
        directories = list((organization_directory / DIRECTORY).iterdir())
    for directory in directories:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            _require_no_link(directory)
            origin = (directory / "origin").read_text(encoding="utf-8")
            if "\0" not in origin:
                yield Entry(directory, origin)


def own_place(dataset_directory: Path, place: Path) -> Path | None:
    """Where in the dataset's own directory `place` is; None where it lies elsewhere or is absent.

    Data that is reached through a link (the dataset's directory, or one on the way) belongs to
    whoever the link leads to. A link at the very end is the dataset's own: to be unlinked.
    """
    root = Path(os.path.realpath(dataset_directory.parent)) / dataset_directory.name
    for base in (dataset_directory, root):
        if ".." not in place.parts and place != base and place.is_relative_to(base):
            inner = place.relative_to(base)
            is_direct = os.path.realpath(root / inner.parent) == os.fspath(root / inner.parent)
            found = dataset_directory / inner
            return found if is_direct and os.path.lexists(found) else None
    return None


def _remove_tree(directory: Path, until: float) -> bool:
    """Remove all below the directory, then itself; at least one file, however late it is."""

    def fail(error: OSError) -> None:
        raise error

    for _, folders, files, inside in os.fwalk(directory, topdown=False, onerror=fail):
        for name in files:
            os.unlink(name, dir_fd=inside)
            if time.monotonic() > until:
                return False
        for name in folders:
            try:
                os.rmdir(name, dir_fd=inside)
            except NotADirectoryError:  # a link to one
                os.unlink(name, dir_fd=inside)
    directory.rmdir()
    return True


def _require_no_link(directory: Path) -> None:
    """Scripts that upload to paths may write there, too: what they link to is not in the trash."""
    if directory.is_symlink():
        raise OSError(errno.ELOOP, f"{directory.name} is a link")
