"""Where the files of one upload lie until they are a dataset's.

`binaryData/<organization>/.uploading/<id of the upload's row>`: the same volume as the datasets, so
that taking them in is a rename, and hidden, so that scans pass it over. Every step here leaves
something whole behind or nothing that counts, and may be repeated after a kill.
"""

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from conversion.pipeline.part_file import sync_directory

from .chunk_store import ChunkStore
from .tidying import settle
from .unpacking import Limits, find_archive, unpack

DIRECTORY = ".uploading"
ORIGINALS = ".forConversion"
"""The organization's directory of originals that wait for the converter."""


class Staging:
    """The files of one upload, below the organization's directory."""

    def __init__(self, organization_directory: Path, name: str) -> None:
        self.root = organization_directory / DIRECTORY / name
        self._files = self.root / "files"
        self._unpacked = self.root / "unpacked"

    def chunks(self, *, max_files: int, max_bytes: int) -> ChunkStore:
        """Where its chunks are received."""
        return ChunkStore(self.root / "chunks", max_files=max_files, max_bytes=max_bytes)

    def assembled(self, chunks: ChunkStore, empty_files: Iterable[PurePosixPath]) -> Path:
        """The directory of the files that were sent, once all of them were. Raises BadUpload."""
        settle(self._files)
        chunks.assemble(self._files, empty_files)
        return self._files

    def unpacked(self, limits: Limits, progress: Callable[[float], None]) -> Path:
        """The assembled files; where they are one archive, what it holds. Raises BadUpload."""
        settle(self._unpacked)
        if self._unpacked.exists():
            return self._unpacked
        archive = find_archive(self._files)
        if archive is None:
            return self._files
        part = self.root / "unpacked.part"
        if part.exists():
            shutil.rmtree(part)
        unpack(archive, part, limits, progress=progress)
        part.rename(self._unpacked)
        sync_directory(self.root)
        return self._unpacked

    def take_back(self, place: Path) -> None:
        """Take what was moved to `place`, but is not in use, out of there again."""
        if not os.path.lexists(place):
            return
        self.root.mkdir(parents=True, exist_ok=True)
        move(place, self.root / f"taken-back-{time.time_ns()}")

    def remove(self) -> None:
        """Delete it all, or as much as can be; once more does no harm."""
        for _ in range(3):  # a chunk that arrives meanwhile may add a file
            shutil.rmtree(self.root, ignore_errors=True)


def move(source: Path, target: Path) -> None:
    """Move a file or directory to where nothing is yet, at once even between volumes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target)
    sync_directory(target.parent)


def _copy(source: Path, target: Path) -> None:
    """Between volumes: copied beside the target first."""
    aside = target.with_name(f".{target.name}.part")
    if aside.is_dir():
        shutil.rmtree(aside)
    if source.is_dir():
        shutil.copytree(source, aside)
        aside.rename(target)
        shutil.rmtree(source)
    else:
        shutil.copyfile(source, aside)
        aside.rename(target)
        source.unlink()
