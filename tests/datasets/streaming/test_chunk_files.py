"""The shortest way to a chunk gives what the long way gives, or leaves it to that."""

import itertools
import os
from pathlib import Path

import pytest

from datasets.streaming import ome_zarr, zarr2
from datasets.streaming.answers import read_stored
from datasets.streaming.catalog import serve
from datasets.streaming.chunk_files import ChunkFiles
from datasets.voxels.array import ChunkFileNames, StoredBytes

from .streamed_data import LAYER, make_streamed


@pytest.fixture
def mag(tmp_path: Path) -> Path:
    folder = tmp_path / "mag"
    for name in ("c/0/0", "c/0/1"):
        (folder / name).mkdir(parents=True)
    (folder / "c/0/0/3").write_bytes(b"the chunk")
    return folder


def chunk_files(mag: Path, *, length: int | None = None, axes: str = "zyx", shift: int = 0):
    names = ChunkFileNames(mag, "c/", ("z", "y", "x"), "/")
    return ChunkFiles(names, axes, [(0, 5)] * 3, [0, 0, shift], length)


def test_a_number_is_a_part_of_the_files_name(mag):
    assert chunk_files(mag).read(["0", "0", "3"]) == b"the chunk"
    assert chunk_files(mag, axes="xyz").read(["3", "0", "0"]) == b"the chunk"
    assert chunk_files(mag, shift=2).read(["0", "0", "1"]) == b"the chunk"


@pytest.mark.parametrize(
    "numbers",
    [
        ["0", "0"],
        ["0", "0", "03"],
        ["0", "0", "-1"],
        ["0", "0", "5"],
        ["0", "0", ".."],
        ["0", "0", "4"],
    ],
    ids=["too few", "other spelling", "negative", "beyond", "no number", "absent"],
)
def test_what_is_no_chunk_is_left_to_the_long_way(mag, numbers):
    (mag / "c/0/0/5").write_bytes(b"beyond the array")
    assert chunk_files(mag).read(numbers) is None


def test_a_chunk_of_any_size_is_whole(mag):
    files = chunk_files(mag)
    for size in (1, 2**14 - 1, 2**14, 2**14 + 1, 3 * 2**20, 5):
        data = os.urandom(size)
        (mag / "c/0/1/0").write_bytes(data)
        assert files.read(["0", "1", "0"]) == data


@pytest.mark.parametrize("size", [0, 8, 10])
def test_a_chunk_of_the_wrong_length_is_left_to_the_long_way(mag, size):
    (mag / "c/0/1/0").write_bytes(b"x" * size)
    assert chunk_files(mag, length=9).read(["0", "0", "3"]) == b"the chunk"
    assert chunk_files(mag, length=9).read(["0", "1", "0"]) is None


def test_links_out_of_the_mag_are_left_to_the_long_way(mag, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "0").write_bytes(b"secret")
    (mag / "c/0/1/1").symlink_to(secret / "0")
    (mag / "c/0/2").symlink_to(secret)
    (mag / "c/0/3").symlink_to(mag / "c/0/0")
    assert chunk_files(mag).read(["0", "1", "1"]) is None
    assert chunk_files(mag).read(["0", "2", "0"]) is None
    assert chunk_files(mag).read(["0", "3", "3"]) == b"the chunk"


def test_a_pipe_in_place_of_a_chunk_keeps_nobody_waiting(mag):
    os.mkfifo(mag / "c/0/1/2")
    assert chunk_files(mag).read(["0", "1", "2"]) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data_format", "options"),
    [
        ("zarr", {"separator": "/"}),
        ("zarr3", {"shard": None}),
        ("zarr3", {"shard": None, "transpose": False}),
        ("zarr3", {}),
        ("zarr3", {"transpose": False}),
    ],
)
@pytest.mark.parametrize("top_left", [(0, 0, 0), (32, 64, 32), (40, 0, 7)])
@pytest.mark.parametrize("dialect", [zarr2, ome_zarr])
def test_both_ways_give_the_same(data_format, options, top_left, dialect):
    streamed = make_streamed(
        data_format=data_format, options=options, top_left=top_left, channels=2
    )
    dataset = serve(streamed.dataset)
    variant = {"for_viewer": False} if dialect is ome_zarr else {}
    array = dialect.presented(dataset, LAYER, "1", **variant)
    files = array.chunks.files
    if files is None:  # the presented grid is not the stored one
        assert dialect is ome_zarr
        assert top_left == (40, 0, 7)
        return
    counted = 0
    for position in itertools.product(*(range(count + 1) for count in array.grid.counts)):
        numbers = [str(number) for number in position]
        found = array.chunk(numbers)
        assert files.read(numbers) == (
            read_stored(found) if isinstance(found, StoredBytes) else None
        )
        counted += found is not None
    assert counted
