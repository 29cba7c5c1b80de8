"""Chunks in any order, repeated and at the same time: each counts once and none is damaged."""

import fcntl
import os
import random
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversion.uploads import chunk_store
from conversion.uploads.chunk_store import Chunk, ChunkStore
from conversion.uploads.ledger import begin_ledger
from conversion.uploads.names import BadUpload
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

A = PurePosixPath("folder/a.tif")


def new_store(tmp_path: Path, *, files: int = 2, size: int = 25) -> ChunkStore:
    store = ChunkStore(tmp_path / "upload", max_files=files, max_bytes=size)
    store.create()
    return store


def piece(number: int, *, path: PurePosixPath = A, total: int = 25) -> Chunk:
    """A piece of 10 bytes of a file, the last one shorter."""
    chunks = max(1, -(-total // 10))
    return Chunk(
        path, number, 10, 10 if number < chunks else total - 10 * (chunks - 1), total, chunks
    )


@given(data=st.data(), seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_chunks_in_any_order_and_repeated_become_the_files(data: st.DataObject, seed: int) -> None:
    files = files_of(seed)
    chunks = chunks_of(files, data.draw(st.integers(200, 5000)))
    repeated = data.draw(st.lists(st.sampled_from(chunks), max_size=5))
    order = data.draw(st.permutations([*chunks, *repeated]))
    with TemporaryDirectory() as directory:
        store = store_for(Path(directory, "upload"), files)
        store.create()
        assert sum(send(store, chunk, bytes_of(chunk, files)) for chunk in order) == len(chunks)
        assert store.missing() == []
        store.assemble(Path(directory, "files"))
        assert tree_of(Path(directory, "files")) == files


def test_threads_and_processes_share_an_upload(tmp_path: Path) -> None:
    files = files_of(1)
    chunks = chunks_of(files)
    store = store_for(tmp_path / "upload", files)
    store.create()
    processes = [
        subprocess.Popen(
            command(store.directory, 1, order), env=ENVIRONMENT, stdout=subprocess.PIPE
        )
        for order in range(3)
    ]
    with ThreadPoolExecutor(4) as threads:
        for order in range(4):
            shuffled = random.Random(10 + order).sample(chunks, len(chunks))
            threads.map(lambda chunk: send(store, chunk, bytes_of(chunk, files)), shuffled)
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert store.missing() == []
    store.assemble(tmp_path / "files")
    assert tree_of(tmp_path / "files") == files


def test_a_last_chunk_may_be_longer_as_flow_sends_it(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    assert send(store, Chunk(A, 2, 10, 15, 25, 2), b"b" * 15)
    assert store.received_bytes() == 15
    assert send(store, Chunk(A, 1, 10, 10, 25, 2), b"a" * 10)
    assert store.missing() == []
    store.assemble(tmp_path / "files")
    assert tree_of(tmp_path / "files") == {str(A): b"a" * 10 + b"b" * 15}


@pytest.mark.parametrize(
    "numbers",
    [
        (0, 10, 10, 25, 3),  # from 1 up
        (4, 10, 5, 25, 3),  # of 3
        (1, 10, 9, 25, 3),  # shorter than the others
        (3, 10, 4, 25, 3),  # does not end with the file
        (3, 10, 6, 25, 3),  # ends behind the file
        (1, 0, 0, 25, 3),
        (1, 10, 10, 40, 2),  # a last chunk of 30
        (1, 10, 10, 10, 2),  # a last chunk of nothing
        (1, -10, -10, -10, 1),
        (1, 10, 10, 10, 0),
        (1, 1, 1, 2**30, 2**30),  # a ledger larger than files
    ],
)
def test_contradicting_numbers_are_refused(numbers: tuple[int, int, int, int, int]) -> None:
    with pytest.raises(BadUpload, match=r"'folder/a\.tif'"):
        Chunk(A, *numbers)


def test_only_what_was_committed_counts(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    writer = store.open(piece(1))
    assert writer is not None
    with writer:
        writer.write(b"a" * 10)
    assert not store.has(A, 1)
    assert send(store, piece(1), b"a" * 10)
    assert store.has(A, 1)
    assert not store.has(A, 2)
    assert store.open(piece(1)) is None
    assert store.received_bytes() == 10


def test_a_body_of_another_length_does_not_count(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    with pytest.raises(BadUpload, match=r"Chunk 1 of 'folder/a\.tif' came with 9 bytes"):
        send(store, piece(1), b"a" * 9)
    with pytest.raises(BadUpload, match="more than 10"):
        send(store, piece(1), b"a" * 11)
    assert not store.has(A, 1)


def test_a_body_too_long_never_reaches_into_the_next_chunk(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    for number in (3, 2):
        send(store, piece(number), b"b" * piece(number).current_size)
    writer = store.open(piece(1))
    assert writer is not None
    with writer:
        writer.write(b"a" * 10)
        with pytest.raises(BadUpload, match="more than 10"):
            writer.write(b"a")
    assert send(store, piece(1), b"a" * 10)
    store.assemble(tmp_path / "files")
    assert tree_of(tmp_path / "files") == {str(A): b"a" * 10 + b"b" * 15}


def test_a_slower_sender_of_the_same_chunk_damages_nothing(tmp_path: Path) -> None:
    store = new_store(tmp_path, size=10)
    chunk = piece(1, total=10)
    slow = store.open(chunk)
    assert slow is not None
    assert send(store, chunk, b"whole data")
    with slow:
        slow.write(b"cut")
        with pytest.raises(BadUpload, match="3 bytes"):
            slow.commit()
    store.assemble(tmp_path / "files")
    assert tree_of(tmp_path / "files") == {str(A): b"whole data"}


def test_no_more_files_or_bytes_than_announced(tmp_path: Path) -> None:
    store = new_store(tmp_path, files=2, size=30)
    assert send(store, piece(1), b"a" * 10)
    with pytest.raises(BadUpload, match=r"'b' the files have 35 bytes, more than the 30"):
        store.open(piece(1, path=PurePosixPath("b"), total=10))
    assert send(store, piece(1, path=PurePosixPath("c"), total=5), b"c" * 5)
    with pytest.raises(BadUpload, match="'d' is one file more than the 2"):
        store.open(piece(1, path=PurePosixPath("d"), total=0))
    assert len(list((store.directory / "ledger").iterdir())) == 2
    assert send(store, piece(3), b"a" * 5)


def test_files_are_counted_by_one_process_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path)
    refused: list[OSError] = []

    def watched(*arguments: Any) -> None:
        with (store.directory / "totals").open("r+") as other:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                refused.append(error)
        begin_ledger(*arguments)

    monkeypatch.setattr(chunk_store, "begin_ledger", watched)
    assert send(store, piece(1), b"a" * 10)
    assert len(refused) == 1


def test_what_was_being_counted_at_a_kill_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path, files=3, size=36)
    assert send(store, piece(1, path=PurePosixPath("first"), total=10), b"a" * 10)

    def killed(*arguments: Any) -> None:
        begin_ledger(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(chunk_store, "begin_ledger", killed)
        store.open(piece(1))
    with pytest.raises(BadUpload, match="37 bytes, more than the 36"):
        store.open(piece(1, path=PurePosixPath("b"), total=2))
    assert send(store, piece(1, path=PurePosixPath("b"), total=1), b"b")
    with pytest.raises(BadUpload, match="one file more than the 3"):
        store.open(piece(1, path=PurePosixPath("c"), total=0))


def test_a_file_that_another_machine_has_just_begun_is_not_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path)
    assert send(store, piece(1), b"a" * 10)
    monkeypatch.setattr(ChunkStore, "_is_known", lambda *_: False)  # not visible here yet
    assert send(store, piece(2), b"b" * 10)
    assert store.has(A, 1)
    assert store.has(A, 2)


def test_a_file_keeps_what_was_announced_first(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    assert send(store, piece(1), b"a" * 10)
    with pytest.raises(BadUpload, match=r"'folder/a\.tif' was announced with another size"):
        store.open(Chunk(A, 1, 5, 5, 25, 5))
    with pytest.raises(BadUpload, match="announced with another size"):
        store.open(piece(1, total=24))


def test_what_is_missing_is_said_by_file_and_in_bytes(tmp_path: Path) -> None:
    store = new_store(tmp_path, files=30, size=500)
    assert store.missing() == ["0 of 500 announced bytes have been received."]
    send(store, piece(1), b"a" * 10)
    assert store.missing() == [
        "Of 'folder/a.tif', 2 of 3 chunks have not been received.",
        "10 of 500 announced bytes have been received.",
    ]
    for i in range(11):
        send(store, piece(1, path=PurePosixPath(f"{i}"), total=20), b"a" * 10)
    assert store.missing()[10:] == [
        "2 more files are incomplete.",
        "120 of 500 announced bytes have been received.",
    ]


def test_empty_files_are_counted_but_need_not_be_sent(tmp_path: Path) -> None:
    store = new_store(tmp_path, files=4, size=5)
    assert send(store, piece(1, total=5), b"a" * 5)
    assert send(store, piece(1, path=PurePosixPath("sent"), total=0), b"")
    assert store.missing() == []
    store.assemble(tmp_path / "files", [PurePosixPath("c/0.0"), PurePosixPath("sent")])
    assert tree_of(tmp_path / "files") == {str(A): b"a" * 5, "c/0.0": b"", "sent": b""}


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a")])
def test_a_file_and_a_folder_of_one_name_are_refused(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    store = new_store(tmp_path, size=2)
    for name in names:
        send(store, piece(1, path=PurePosixPath(name), total=1), b"a")
    with pytest.raises(BadUpload, match="both as a file and as a folder"):
        store.assemble(tmp_path / "files")


def test_an_empty_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    for number in (1, 2, 3):
        send(store, piece(number), b"a" * piece(number).current_size)
    for path in (PurePosixPath("folder"), A / "b"):
        with pytest.raises(BadUpload, match="both as a file and as a folder"):
            store.assemble(tmp_path / "files", [path])


def test_assembling_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = files_of(4)
    store = store_for(tmp_path / "upload", files)
    store.create()
    for chunk in chunks_of(files):
        send(store, chunk, bytes_of(chunk, files))
    rename, renamed = Path.rename, 0

    def killed(self: Path, target: Path) -> Path:
        nonlocal renamed
        renamed += 1
        if renamed == 4:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", killed)
        store.assemble(tmp_path / "files")
    store.assemble(tmp_path / "files")
    assert tree_of(tmp_path / "files") == files


def test_assembling_once_more_leaves_what_became_of_the_files(tmp_path: Path) -> None:
    store = new_store(tmp_path, size=5)
    send(store, piece(1, total=5), b"a" * 5)
    store.assemble(tmp_path / "files")
    (tmp_path / "files/folder").rename(tmp_path / "files/color")
    store.assemble(tmp_path / "files")
    assert list(tree_of(tmp_path / "files")) == ["color/a.tif"]


def test_a_removed_upload_takes_no_chunks(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    writer = store.open(piece(1))
    assert writer is not None
    store.remove()
    with writer:
        writer.write(b"a" * 10)
        writer.commit()
    assert not store.has(A, 1)
    with pytest.raises(FileNotFoundError):
        store.open(piece(2))
    store.remove()
    assert not any("upload" in path.name for path in tmp_path.iterdir())


def test_a_full_disk_is_no_fault_of_the_sender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr("os.fdatasync", full)
        send(store, piece(1), b"a" * 10)
    assert not store.has(A, 1)
    assert send(store, piece(1), b"a" * 10)


def test_a_chunk_is_marked_once_its_bytes_are_on_disk_and_counts_once_the_mark_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path)
    changes: list[tuple[str, str]] = []

    def recorded(name: str) -> Callable[..., Any]:
        change = getattr(os, name)

        def recording(descriptor: int, *arguments: Any) -> Any:
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            changes.append((name, path.relative_to(store.directory).parts[0]))
            return change(descriptor, *arguments)

        return recording

    writer = store.open(piece(1))
    assert writer is not None
    for name in ("pwrite", "fsync", "fdatasync"):
        monkeypatch.setattr(os, name, recorded(name))
    with writer:
        writer.write(b"a" * 10)
        writer.commit()
    assert changes == [
        ("pwrite", "data"),
        ("fdatasync", "data"),
        ("fsync", "data"),
        ("fsync", "ledger"),
        ("pwrite", "ledger"),
        ("fdatasync", "ledger"),
    ]


def test_a_ledger_that_a_power_cut_emptied_is_made_anew(tmp_path: Path) -> None:
    store = new_store(tmp_path, files=1)
    assert store.open(piece(1)) is not None
    [ledger] = (store.directory / "ledger").iterdir()
    ledger.write_bytes(bytes(ledger.stat().st_size))
    assert not store.has(A, 1)
    assert store.missing() == ["0 of 25 announced bytes have been received."]
    assert send(store, piece(1), b"a" * 10)
    assert store.has(A, 1)
