"""The file that says which chunks of an uploaded file are safely on disk.

A line of JSON with the file's path and sizes, then a byte for each chunk: 1 for a received one.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

HEAD_BYTES = 8192  # more than the longest path needs in JSON
RECEIVED = b"\x01"


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as its first chunk announced it, and which of its chunks are received."""

    path: str
    chunk_size: int
    total_size: int
    marks: bytes

    @property
    def received_chunks(self) -> int:
        return self.marks.count(RECEIVED)

    @property
    def received_bytes(self) -> int:
        if self.marks.endswith(RECEIVED):
            missing = len(self.marks) - self.received_chunks
            return self.total_size - missing * self.chunk_size
        return self.received_chunks * self.chunk_size

    @property
    def is_complete(self) -> bool:
        return self.received_chunks == len(self.marks)


def key_of(path: PurePosixPath) -> str:
    """The name of a file's data and ledger: short, safe, and no folder, whatever its path."""
    return hashlib.sha256(str(path).encode()).hexdigest()


def head_of(path: PurePosixPath, chunk_size: int, total_size: int, total_chunks: int) -> bytes:
    """The first line of a file's ledger."""
    document = {
        "path": str(path),
        "chunkSize": chunk_size,
        "totalSize": total_size,
        "totalChunks": total_chunks,
    }
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


def begin_ledger(ledger: int, head: bytes, total_chunks: int) -> None:
    """Write a ledger without marks. Until the line is whole, the ledger does not count."""
    os.ftruncate(ledger, 0)
    os.ftruncate(ledger, len(head) + total_chunks)
    write_all(ledger, head, 0)


def read_head(ledger: int) -> bytes:
    """The first line; empty where a kill or power cut has left the ledger without it."""
    start = os.pread(ledger, HEAD_BYTES, 0)
    return start[: start.find(b"\n") + 1]


def read_ledger(path: Path) -> KnownFile | None:
    """What the ledger says; None where a kill or power cut has left it without its first line."""
    head, _, marks = path.read_bytes().partition(b"\n")
    if not marks:
        return None
    document = json.loads(head)
    return KnownFile(document["path"], document["chunkSize"], document["totalSize"], marks)


def is_marked(ledger: int, mark: int) -> bool:
    """Whether the ledger's byte at the offset `mark` says that its chunk is on disk."""
    return os.pread(ledger, 1, mark) == RECEIVED


def write_all(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of the data at the offset."""
    left = memoryview(data)
    while left:
        written = os.pwrite(descriptor, left, offset)
        left, offset = left[written:], offset + written
