"""Senders' servers that are killed on the way: no acknowledged chunk is lost, the rest resumes."""

import random
import signal
import subprocess
from pathlib import Path

import pytest

from conversion.uploads.chunk_store import ChunkStore
from tests.conversion.uploads.sending import (
    ENVIRONMENT,
    bytes_of,
    chunks_of,
    command,
    files_of,
    send,
    store_for,
)
from tests.conversion.uploads.trees import tree_of

POINTS = random.Random(2026).sample(range(1, 180), 10)  # of some 200 changes of the disk


def acknowledged(store: ChunkStore, seed: int, order: int, die_at: int) -> set[tuple[str, int]]:
    """The chunks that a process acknowledged before it was killed."""
    arguments = command(store.directory, seed, order, die_at)
    done = subprocess.run(arguments, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert done.returncode == -signal.SIGKILL
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    return {(path, int(number)) for path, number in lines}


@pytest.mark.parametrize("die_at", POINTS)
def test_a_kill_loses_no_acknowledged_chunk_and_the_rest_resumes(
    tmp_path: Path, die_at: int
) -> None:
    seed = die_at
    files = files_of(seed)
    store = store_for(tmp_path / "upload", files)
    store.create()
    safe = acknowledged(store, seed, order=1, die_at=die_at)
    safe |= acknowledged(store, seed, order=2, die_at=1 + die_at % 20)
    chunks = chunks_of(files)
    assert safe <= {(str(c.path), c.number) for c in chunks if store.has(c.path, c.number)}
    # Nothing but the rest is sent again, so what was marked without being written would show.
    for chunk in chunks:
        is_new = send(store, chunk, bytes_of(chunk, files))
        assert not (is_new and (str(chunk.path), chunk.number) in safe)
    assert store.missing() == []
    store.assemble(tmp_path / "files")
    assert tree_of(tmp_path / "files") == files
