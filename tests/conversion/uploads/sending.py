"""A sender of an upload's chunks as a process of its own, which may be told to die on the way.

    python sending.py DIRECTORY SEED ORDER [DIE_AT]

sends, in an order of its own, the chunks that are not there yet, and prints each one that was
acknowledged. With DIE_AT it gets SIGKILL in its DIE_AT-th change of the disk, half done if it is
a write.
"""

import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from conversion.uploads.chunk_store import Chunk, ChunkStore

ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}
CHANGES = ("pwrite", "ftruncate", "rename", "fsync", "fdatasync")


def command(directory: Path, *arguments: int) -> list[str]:
    """The command line of such a process."""
    return [sys.executable, __file__, str(directory), *map(str, arguments)]


def files_of(seed: int) -> dict[str, bytes]:
    """The files of an upload: of no chunk, of one and of several."""
    chance = random.Random(seed)
    sizes = [1, *(chance.randrange(1, 4000) for _ in range(7))]
    return {f"folder {i % 3}/файл {i}": chance.randbytes(size) for i, size in enumerate(sizes)}


def chunks_of(files: dict[str, bytes], chunk_size: int = 700) -> list[Chunk]:
    """The chunks of all files, cut as the public Python library cuts them."""
    return [
        Chunk(
            PurePosixPath(path),
            number,
            chunk_size,
            min(chunk_size, len(data) - (number - 1) * chunk_size),
            len(data),
            -(-len(data) // chunk_size),
        )
        for path, data in files.items()
        for number in range(1, -(-len(data) // chunk_size) + 1)
    ]


def bytes_of(chunk: Chunk, files: dict[str, bytes]) -> bytes:
    return files[str(chunk.path)][chunk.offset : chunk.offset + chunk.current_size]


def store_for(directory: Path, files: dict[str, bytes]) -> ChunkStore:
    """A store that takes just these files."""
    size = sum(len(data) for data in files.values())
    return ChunkStore(directory, max_files=len(files), max_bytes=size)


def send(store: ChunkStore, chunk: Chunk, data: bytes) -> bool:
    """Whether the chunk was new; its bytes arrive in pieces."""
    writer = store.open(chunk)
    if writer is None:
        return False
    with writer:
        for start in range(0, len(data), 300):
            writer.write(data[start : start + 300])
        writer.commit()
    return True


def die_at(last: int) -> None:
    """Let the process be killed in its `last`-th change of the disk."""
    changes = 0

    def dying(change: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **keywords: Any) -> Any:
            nonlocal changes
            changes += 1
            if changes == last:
                if change is real_pwrite:
                    descriptor, data, offset = arguments
                    real_pwrite(descriptor, data[: len(data) // 2], offset)
                os.kill(os.getpid(), signal.SIGKILL)
            return change(*arguments, **keywords)

        return counted

    real_pwrite = os.pwrite
    for name in CHANGES:
        setattr(os, name, dying(getattr(os, name)))


def main() -> None:
    directory, seed, order, *die = sys.argv[1:]
    files = files_of(int(seed))
    store = store_for(Path(directory), files)
    chunks = chunks_of(files)
    random.Random(int(order)).shuffle(chunks)
    if die:
        die_at(int(die[0]))
    for chunk in chunks:
        if send(store, chunk, bytes_of(chunk, files)):
            print(chunk.path, chunk.number, sep="\t", flush=True)


if __name__ == "__main__":
    main()
