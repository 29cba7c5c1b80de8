"""A file that is written beside its final name and appears under it only when it is whole."""

import contextlib
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

WRITE_BACK_BYTES = 8 << 20
"""A file that grows is given to the disk in pieces of about this size."""


def sync_directory(directory: Path) -> None:
    """Make a rename in this directory survive a power cut."""
    # The file is in place already, and some network file systems refuse to sync a directory.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_tree(directory: Path) -> None:
    """Make what was created in this directory, and below, survive a power cut."""
    for parent, _, _ in os.walk(directory, topdown=False):
        sync_directory(Path(parent))


class PartFile:
    """A file in the making: `<name>.<random>.part` until `publish()` renames it.

    The random part keeps a worker that lost its lease, but still writes, from sharing a file
    with the worker that took over. As a context manager it discards what was not published.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        self.file: BinaryIO = self._part.open("xb+")
        self._written_back = 0

    def start_writing_back(self, end: int) -> None:
        """Let the disk begin with what was written up to `end`, so that publishing need not wait
        for all of it. Does nothing while that is little.
        """
        if end - self._written_back < WRITE_BACK_BYTES or not hasattr(os, "posix_fadvise"):
            return
        self.file.flush()
        # On Linux, what is not needed any more is written at once, without waiting for it.
        os.posix_fadvise(
            self.file.fileno(),
            self._written_back,
            end - self._written_back,
            os.POSIX_FADV_DONTNEED,
        )
        self._written_back = end

    def publish(self) -> None:
        """Flush to disk, then take the final name, over an older file of that name."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        self._part.replace(self.path)
        sync_directory(self.path.parent)

    def discard(self) -> None:
        """Remove the part, if it was not published."""
        try:
            self.file.close()
        finally:
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.discard()
