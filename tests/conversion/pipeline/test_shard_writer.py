"""A shard on disk: whole and readable, or not there at all."""

import itertools
import struct
from pathlib import Path

import google_crc32c
import numpy as np
import pytest

from conversion.pipeline.shard_writer import ShardWriter
from tests.conversion.pipeline.reading import files_below

MISSING = 2**64 - 1


def index_of(shard: bytes, chunks: int) -> list[tuple[int, int]]:
    index = shard[-16 * chunks - 4 : -4]
    assert struct.unpack("<I", shard[-4:])[0] == google_crc32c.value(index)
    return [tuple(entry) for entry in np.frombuffer(index, "<u8").reshape(-1, 2).tolist()]


def test_chunks_of_any_order_are_found_through_the_index(tmp_path: Path) -> None:
    grid = (2, 3, 4)
    chunks = {c: repr(c).encode() * (i + 1) for i, c in enumerate(np.ndindex(grid))}
    del chunks[1, 1, 1]
    with ShardWriter(tmp_path / "c/0", grid) as writer:
        for chunk in reversed(chunks):
            writer.append({chunk: chunks[chunk]})
    shard = (tmp_path / "c/0").read_bytes()
    for chunk, (offset, length) in zip(
        itertools.product(*map(range, grid)), index_of(shard, 24), strict=True
    ):
        if chunk in chunks:
            assert shard[offset : offset + length] == chunks[chunk]
        else:
            assert (offset, length) == (MISSING, MISSING)


def test_an_unfinished_shard_has_no_name_yet(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path / "shard", (2,))
    writer.append({(0,): b"half"})
    assert files_below(tmp_path) != []
    assert not (tmp_path / "shard").exists()
    writer.append({(1,): b"whole"})
    writer.close()
    assert files_below(tmp_path) == ["shard"]


def test_a_shard_without_chunks_leaves_no_file(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "c/0/0", (4, 4, 4)):
        pass
    assert not (tmp_path / "c").exists()


def test_an_error_on_the_way_leaves_neither_shard_nor_part(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), ShardWriter(tmp_path / "shard", (2,)) as writer:
        writer.append({(0,): b"half"})
        raise ZeroDivisionError
    assert files_below(tmp_path) == []


def test_a_full_disk_leaves_the_older_shard_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ShardWriter(tmp_path / "shard", (1,)) as writer:
        writer.append({(0,): b"older"})
    older = (tmp_path / "shard").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    writer = ShardWriter(tmp_path / "shard", (1,))
    writer.append({(0,): b"newer"})
    with pytest.raises(OSError, match="No space"):
        writer.close()
    assert files_below(tmp_path) == ["shard"]
    assert (tmp_path / "shard").read_bytes() == older


def test_two_workers_on_one_shard_do_not_mix_their_chunks(tmp_path: Path) -> None:
    lost, heir = (ShardWriter(tmp_path / "shard", (2,)) for _ in range(2))
    lost.append({(0,): b"lost the lease"})
    heir.append({(0,): b"took over"})
    heir.append({(1,): b"and finished"})
    heir.close()
    lost.append({(1,): b"still writing"})
    lost.abort()
    shard = (tmp_path / "shard").read_bytes()
    assert shard.startswith(b"took overand finished")
    assert files_below(tmp_path) == ["shard"]


@pytest.mark.parametrize(
    ("chunk", "complaint"),
    [((0, 0), "written before"), ((2, 0), "outside"), ((0, -1), "outside"), ((0,), "outside")],
)
def test_a_chunk_is_written_once_and_within_the_shard(
    tmp_path: Path, chunk: tuple[int, ...], complaint: str
) -> None:
    with ShardWriter(tmp_path / "shard", (2, 2)) as writer:
        writer.append({(0, 0): b"first"})
        with pytest.raises(ValueError, match=complaint):
            writer.append({chunk: b"second"})


def test_a_closed_shard_takes_no_more_chunks(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path / "shard", (2,))
    writer.append({(0,): b"in time"})
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.append({(1,): b"late"})
