"""Where the chunks of an upload are kept until all of them are there.

Senders repeat chunks, send them in any order and at the same time, to several processes on several
machines that share the volume; any of these may be killed. So the truth lies on disk, in two files
for each uploaded one, named by a hash of its path:

- `data/<hash>`: its bytes, each chunk written straight to its place;
- `ledger/<hash>`: what its first chunk announced, and a mark for each chunk on disk.

`totals` counts files and bytes, so that nobody sends more than was announced.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from conversion.pipeline.part_file import sync_directory
from conversion.uploads.ledger import (
    RECEIVED,
    KnownFile,
    begin_ledger,
    head_of,
    is_marked,
    key_of,
    read_head,
    read_ledger,
    write_all,
)
from conversion.uploads.names import BadUpload, refusing_file_as_folder, shown

LARGEST_CHUNK_COUNT = 2**24  # of a file
TOLD_FILES = 10  # incomplete files that are told one by one


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file as its sender describes it: number from 1, sizes in bytes.

    All chunks have `chunk_size` bytes but the last, which holds the rest: flow.js lets it be
    longer, up to twice as long. Raises BadUpload where the numbers contradict each other.
    """

    path: PurePosixPath
    number: int
    chunk_size: int
    current_size: int
    total_size: int
    total_chunks: int

    def __post_init__(self) -> None:
        if not self._is_consistent:
            raise BadUpload(
                f"The announced sizes of {shown(self.path)} contradict each other: chunk "
                f"{self.number} of {self.total_chunks} with {self.current_size} bytes, chunks of "
                f"{self.chunk_size} bytes, {self.total_size} bytes in total. Update the program "
                "that sends them."
            )
        if self.total_chunks > LARGEST_CHUNK_COUNT:
            raise BadUpload(
                f"{shown(self.path)} is announced in {self.total_chunks:,} chunks, more than "
                f"{LARGEST_CHUNK_COUNT:,}; send larger chunks."
            )

    @property
    def offset(self) -> int:
        """Where in the file the chunk begins, in bytes."""
        return (self.number - 1) * self.chunk_size

    @property
    def _is_consistent(self) -> bool:
        if not (1 <= self.number <= self.total_chunks and self.chunk_size >= 1):
            return False
        last_size = self.total_size - (self.total_chunks - 1) * self.chunk_size
        is_empty_file = self.total_size == 0 and self.total_chunks == 1
        if not (0 < last_size < 2 * self.chunk_size or is_empty_file):
            return False
        is_last = self.number == self.total_chunks
        return self.current_size == (last_size if is_last else self.chunk_size)


class ChunkStore:
    """The chunks of one upload, of which `max_files` and `max_bytes` were announced.

    Faults of the disk pass through as OSError; what the sender did wrong is BadUpload.
    """

    def __init__(self, directory: Path, *, max_files: int, max_bytes: int) -> None:
        self.directory = directory
        self.max_files = max_files
        self.max_bytes = max_bytes
        self._data = directory / "data"
        self._ledger = directory / "ledger"
        self._totals = directory / "totals"
        self._assembled = directory / "assembled"

    def create(self) -> None:
        """Make room for the chunks; once more does no harm."""
        for folder in (self._data, self._ledger):
            folder.mkdir(parents=True, exist_ok=True)
        # The folders above it may be as new.
        for folder in (self.directory, *self.directory.parents[:3]):
            sync_directory(folder)

    def has(self, path: PurePosixPath, number: int) -> bool:
        """Whether this chunk of the file is safely here."""
        try:
            ledger = os.open(self._ledger / key_of(path), os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            head = read_head(ledger)
            is_possible = head != b"" and 1 <= number <= LARGEST_CHUNK_COUNT
            return is_possible and is_marked(ledger, len(head) + number - 1)
        finally:
            os.close(ledger)

    def open(self, chunk: Chunk) -> "ChunkWriter | None":
        """What takes the chunk's bytes, or None for a chunk that is here already.

        Raises BadUpload for a file too many, for more bytes than announced, and for a file whose
        earlier chunks announced something else. Two senders of the same chunk at the same time
        are taken to send the same bytes.
        """
        key = key_of(chunk.path)
        head = head_of(chunk.path, chunk.chunk_size, chunk.total_size, chunk.total_chunks)
        if not self._is_known(key):
            self._register(chunk, key, head)
        ledger = os.open(self._ledger / key, os.O_RDWR)
        with contextlib.ExitStack() as on_return:
            on_return.callback(os.close, ledger)
            if read_head(ledger) != head:
                raise BadUpload(
                    f"{shown(chunk.path)} was announced with another size or other chunks before; "
                    "cancel this upload and start a new one."
                )
            mark = len(head) + chunk.number - 1
            if is_marked(ledger, mark):
                return None
            data = os.open(self._data / key, os.O_WRONLY | os.O_CREAT, 0o644)
            on_return.callback(os.close, data)
            # Of its whole size from the beginning, so that a machine that writes behind its end
            # never fills up with zeros what another one has written meanwhile.
            if os.fstat(data).st_size < chunk.total_size:
                os.ftruncate(data, chunk.total_size)
            on_return.pop_all()
        return ChunkWriter(self, chunk, data=data, ledger=ledger, mark=mark)

    def received_bytes(self) -> int:
        """How many bytes are safely here; looks at each file's ledger."""
        return sum(known.received_bytes for known in self._known_files())

    def missing(self) -> list[str]:
        """What has not been received, in sentences; empty when the upload is complete.

        Empty files are announced but have no chunks, so bytes are counted rather than files.
        """
        incomplete = 0
        received = 0
        sentences: list[str] = []
        for known in self._known_files():
            received += known.received_bytes
            if known.is_complete:
                continue
            incomplete += 1
            if incomplete <= TOLD_FILES:
                absent = len(known.marks) - known.received_chunks
                sentences.append(
                    f"Of {shown(known.path)}, {absent:,} of {len(known.marks):,} chunks have not "
                    "been received."
                )
        if incomplete > TOLD_FILES:
            sentences.append(f"{incomplete - TOLD_FILES:,} more files are incomplete.")
        if received != self.max_bytes:
            sentences.append(
                f"{received:,} of {self.max_bytes:,} announced bytes have been received."
            )
        return sentences

    def assemble(self, target: Path, empty_files: Iterable[PurePosixPath] = ()) -> None:
        """Move the files to their paths below `target`, on the same volume, and add empty ones.

        For an upload of which nothing is missing. May be repeated, after a kill too; after it has
        come to its end, files are moved no more, whatever has become of them since. Raises
        BadUpload where a file and a folder have the same path.
        """
        if self._assembled.exists():
            return
        target.mkdir(parents=True, exist_ok=True)
        folders = {target.parent, target}
        for key, known in self._files():
            place = target / known.path
            with refusing_file_as_folder(known.path):
                _make_folders(place.parent, folders)
                # Without its data, the file was moved before a kill.
                if not (place.is_file() and not (self._data / key).exists()):
                    (self._data / key).rename(place)
        for path in empty_files:
            with refusing_file_as_folder(path):
                _make_folders((target / path).parent, folders)
                os.close(os.open(target / path, os.O_WRONLY | os.O_CREAT, 0o644))
        for folder in folders:
            sync_directory(folder)
        self._assembled.touch()
        sync_directory(self.directory)

    def remove(self) -> None:
        """Delete all chunks; once more does no harm. Files that were assembled stay."""
        # Renamed first, so that chunks still arriving find no place in what is being deleted.
        doomed = self.directory.with_name(f".{self.directory.name}.removed")
        for _ in range(2):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(doomed)
            with contextlib.suppress(FileNotFoundError):
                self.directory.rename(doomed)

    def sync_names(self) -> None:
        """Make the names of all files so far survive a power cut."""
        sync_directory(self._data)
        sync_directory(self._ledger)

    def _register(self, chunk: Chunk, key: str, head: bytes) -> None:
        """Begin the file's ledger, unless another process was faster."""
        with self._locked_totals() as totals, _made(self._ledger / key) as ledger:
            # Only creating the file shows for sure what other machines have made.
            if read_head(ledger):
                return
            if os.fstat(ledger).st_size:  # broken, so counted perhaps, perhaps not
                os.ftruncate(totals, 0)
            files, size = self._counted(totals)
            try:
                self._check_limits(chunk, files + 1, size + chunk.total_size)
            except BadUpload:
                (self._ledger / key).unlink()
                raise
            # While it is empty, the count is not believed.
            os.ftruncate(totals, 0)
            begin_ledger(ledger, head, chunk.total_chunks)
            os.pwrite(totals, f"{files + 1} {size + chunk.total_size}".encode(), 0)

    def _check_limits(self, chunk: Chunk, files: int, size: int) -> None:
        if files > self.max_files:
            raise BadUpload(
                f"{shown(chunk.path)} is one file more than the {self.max_files:,} that were "
                "announced; start a new upload."
            )
        if size > self.max_bytes:
            raise BadUpload(
                f"With {shown(chunk.path)} the files have {size:,} bytes, more than the "
                f"{self.max_bytes:,} that were announced; start a new upload."
            )

    def _is_known(self, key: str) -> bool:
        """Whether the file has a ledger; a kill may have left one without its first line."""
        try:
            ledger = os.open(self._ledger / key, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            return read_head(ledger) != b""
        finally:
            os.close(ledger)

    @contextlib.contextmanager
    def _locked_totals(self) -> Iterator[int]:
        with _made(self._totals) as totals:
            fcntl.flock(totals, fcntl.LOCK_EX)
            yield totals

    def _counted(self, totals: int) -> tuple[int, int]:
        """The number of known files and their bytes."""
        try:
            files, size = os.pread(totals, 64, 0).split()
            return int(files), int(size)
        except ValueError:  # nobody was here yet, or who was did not come to the end
            sizes = [known.total_size for known in self._known_files()]
            return len(sizes), sum(sizes)

    def _known_files(self) -> Iterator[KnownFile]:
        return (known for _, known in self._files())

    def _files(self) -> Iterator[tuple[str, KnownFile]]:
        with os.scandir(self._ledger) as entries:
            for entry in entries:
                if known := read_ledger(Path(entry.path)):
                    yield entry.name, known


class ChunkWriter:
    """Takes the bytes of one chunk; what is not committed does not count."""

    def __init__(
        self, store: ChunkStore, chunk: Chunk, *, data: int, ledger: int, mark: int
    ) -> None:
        self._store = store
        self._chunk = chunk
        self._data = data
        self._ledger = ledger
        self._mark = mark
        self._written = 0

    def write(self, data: bytes) -> None:
        """Put the next bytes in their place. Raises BadUpload for more than were announced."""
        if self._written + len(data) > self._chunk.current_size:
            raise self._wrong_length(f"more than {self._chunk.current_size:,}")
        # Another sender of the same chunk may have been faster: nothing touches received bytes.
        if not is_marked(self._ledger, self._mark):
            write_all(self._data, data, self._chunk.offset + self._written)
        self._written += len(data)

    def commit(self) -> None:
        """Make the chunk count, once its bytes are safely on disk.

        Raises BadUpload if they were not as many as announced.
        """
        if self._written != self._chunk.current_size:
            raise self._wrong_length(f"{self._written:,}")
        os.fdatasync(self._data)
        self._store.sync_names()
        # On a network volume the lock is what keeps a mark set elsewhere from being overwritten
        # with an older copy of its neighbourhood.
        fcntl.flock(self._ledger, fcntl.LOCK_EX)
        try:
            write_all(self._ledger, RECEIVED, self._mark)
            os.fdatasync(self._ledger)
        finally:
            fcntl.flock(self._ledger, fcntl.LOCK_UN)

    def _wrong_length(self, length: str) -> BadUpload:
        return BadUpload(
            f"Chunk {self._chunk.number} of {shown(self._chunk.path)} came with {length} bytes "
            f"instead of {self._chunk.current_size:,}; send it again."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._data)
        os.close(self._ledger)


@contextlib.contextmanager
def _made(path: Path) -> Iterator[int]:
    """The file, opened to read and write, and made if it was not there."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _make_folders(folder: Path, made: set[Path]) -> None:
    """Make the folder and those above it, down from the ones that are made already."""
    if folder not in made:
        _make_folders(folder.parent, made)
        folder.mkdir(exist_ok=True)
        made.add(folder)
