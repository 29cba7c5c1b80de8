"""Damaged and hostile mags: each gives a sentence that names file and cause, never a crash."""

import gzip
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import google_crc32c
import numcodecs
import pytest

from datasets.voxels.box import Box
from datasets.voxels.errors import BoxTooLarge, VoxelsBroken, VoxelsMissing
from datasets.voxels.open import open_mag
from tests.datasets.voxels.voxel_contract import BOX, broken

BLOSC = {"id": "blosc", "cname": "zstd", "clevel": 1, "shuffle": 0, "blocksize": 0}
BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
SHARDING = {
    "chunk_shape": [8, 8, 8],
    "codecs": [BYTES],
    "index_codecs": [BYTES, {"name": "crc32c"}],
}

METADATA: dict[str, dict[str, Any]] = {
    "zarr": {
        "zarr_format": 2,
        "shape": [16, 16, 16],
        "chunks": [16, 16, 16],
        "dtype": "|u1",
        "compressor": None,
        "fill_value": 0,
        "filters": None,
        "order": "C",
    },
    "zarr3": {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [16, 16, 16],
        "data_type": "uint8",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [16, 16, 16]}},
        "chunk_key_encoding": {"name": "default"},
        "fill_value": 0,
        "codecs": [BYTES],
    },
    "n5": {
        "dimensions": [16, 16, 16],
        "blockSize": [16, 16, 16],
        "dataType": "uint8",
        "compression": {"type": "raw"},
    },
    "neuroglancerPrecomputed": {
        "type": "image",
        "data_type": "uint8",
        "num_channels": 1,
        "scales": [
            {
                "key": "1",
                "size": [16, 16, 16],
                "resolution": [1, 1, 1],
                "chunk_sizes": [[16, 16, 16]],
                "encoding": "raw",
            }
        ],
    },
}
FILES = {
    "zarr": ".zarray",
    "zarr3": "zarr.json",
    "n5": "attributes.json",
    "neuroglancerPrecomputed": "../info",
}
CHUNKS = {
    "zarr": "0.0.0",
    "zarr3": "c/0/0/0",
    "n5": "0/0/0",
    "neuroglancerPrecomputed": "0-16_0-16_0-16",
}
FORMATS = list(METADATA)

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a mag: its metadata, with changes or as raw bytes, and its one chunk file."""
    mag = tmp_path / "secret-place" / "layer" / "1"

    def write_mag(
        data_format: str, *, raw: bytes | None = None, chunk: bytes | None = None, **changes: Any
    ) -> Path:
        mag.mkdir(parents=True)
        metadata = json.dumps(METADATA[data_format] | changes).encode()
        (mag / FILES[data_format]).write_bytes(metadata if raw is None else raw)
        if chunk is not None:
            file = mag / CHUNKS[data_format]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(chunk)
        return mag

    return write_mag


@pytest.mark.parametrize("data_format", [*FORMATS, "wkw"])
def test_a_mag_without_metadata_is_missing(tmp_path: Path, data_format: str) -> None:
    for mag in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(VoxelsMissing, match="check the mag's path"):
            open_mag(mag, data_format)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="knossos is unknown"):
        open_mag(tmp_path, "knossos")


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(
    "raw", [b"", b'{"shape": [1', b"[1, 2]", b"\xff\xfe{}", b"[" * 10**6, b"null"]
)
def test_garbage_instead_of_metadata_is_explained(
    write: Write, data_format: str, raw: bytes
) -> None:
    assert broken(write(data_format, raw=raw), data_format).file == FILES[data_format]


@pytest.mark.parametrize("data_format", FORMATS)
def test_metadata_of_unreasonable_size_is_not_parsed(write: Write, data_format: str) -> None:
    mag = write(data_format, raw=b" " * (16 * 2**20 + 1))
    assert "more than" in broken(mag, data_format).cause


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("length", [0, 100])
def test_a_cut_chunk_is_named(write: Write, data_format: str, length: int) -> None:
    mag = write(data_format, chunk=bytes(length))
    assert broken(mag, data_format).file == CHUNKS[data_format]


HUGE = [2**15, 2**15, 2**15]


@pytest.mark.parametrize(
    ("data_format", "changes", "complaint"),
    [
        ("zarr", {"chunks": HUGE}, "at most 268,435,456"),
        ("zarr", {"chunks": [16, 16]}, "3 axes, but chunks with 2"),
        ("zarr", {"chunks": [0, 16, 16]}, "chunks.0"),
        ("zarr", {"shape": [-1, 16, 16]}, "shape.0"),
        ("zarr", {"shape": [2**60, 16, 16]}, "shape.0"),
        ("zarr", {"shape": [1] * 40}, "shape"),
        ("zarr", {"dtype": "<M8"}, "<M8"),
        ("zarr", {"dtype": "<f2"}, "float16"),
        ("zarr", {"dtype": [["a", "<u2"]]}, "dtype"),
        ("zarr", {"filters": [{"id": "delta"}]}, "filters"),
        ("zarr", {"compressor": {"id": "unheard-of"}}, "unheard-of"),
        ("zarr", {"compressor": {"id": "zstd", "level": 10**30}}, ""),
        ("zarr", {"compressor": BLOSC | {"shuffle": 9}}, "shuffle 9"),
        ("zarr", {"fill_value": "much"}, "fill value 'much'"),
        ("zarr", {"fill_value": 300}, "fill value 300"),
        ("zarr", {"order": "K"}, "order"),
        ("zarr3", {"data_type": "complex64"}, "complex64"),
        ("zarr3", {"node_type": "group"}, "node_type"),
        ("zarr3", {"chunk_grid": {"name": "rectangular"}}, "chunk_grid"),
        ("zarr3", {"codecs": []}, "lack one that makes bytes"),
        ("zarr3", {"codecs": [{"name": "unheard-of"}]}, "unheard-of"),
        ("zarr3", {"codecs": [BYTES, {"name": "unheard-of"}]}, "unheard-of"),
        ("zarr3", {"codecs": [{"name": "transpose"}, BYTES]}, "transposition"),
        (
            "zarr3",
            {"codecs": [{"name": "transpose", "configuration": {"order": [0, 0, 1]}}, BYTES]},
            "transposition",
        ),
        ("zarr3", {"codecs": [BYTES, {"name": "blosc"}, {"name": "gzip"}]}, "blosc and gzip"),
        ("zarr3", {"codecs": [{"name": "sharding_indexed"}]}, "sharding codec"),
        ("n5", {"blockSize": HUGE}, "at most 268,435,456"),
        ("n5", {"dataType": "string"}, "string"),
        ("n5", {"compression": {"type": "unheard-of"}}, "unheard-of"),
        ("neuroglancerPrecomputed", {"num_channels": 0}, "num_channels"),
        ("neuroglancerPrecomputed", {"data_type": "char"}, "char"),
        ("neuroglancerPrecomputed", {"scales": []}, "no scale with the key 1"),
    ],
)
def test_metadata_that_lies_is_explained(
    write: Write, data_format: str, changes: dict[str, Any], complaint: str
) -> None:
    error = broken(write(data_format, **changes), data_format)
    assert error.file == FILES[data_format]
    assert complaint in error.cause


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"chunk_shape": [7, 8, 8]}, "no whole number"),
        ({"chunk_shape": [8, 8]}, "their chunks 2"),
        ({"codecs": [{"name": "sharding_indexed"}]}, "shards hold shards"),
        ({"index_codecs": [BYTES, {"name": "gzip"}]}, "index of its shards"),
    ],
)
def test_sharding_that_lies_is_explained(
    write: Write, changes: dict[str, Any], complaint: str
) -> None:
    codec = {"name": "sharding_indexed", "configuration": SHARDING | changes}
    assert complaint in broken(write("zarr3", codecs=[codec]), "zarr3").cause


def test_a_shard_of_countless_chunks_is_refused(write: Write) -> None:
    mag = write(
        "zarr3",
        shape=[2**20] * 3,
        chunk_grid={"name": "regular", "configuration": {"chunk_shape": [2**20] * 3}},
        codecs=[{"name": "sharding_indexed", "configuration": SHARDING}],
    )
    assert "at most 4,194,304" in broken(mag, "zarr3").cause


def shard_index(offset: int, length: int) -> bytes:
    index = struct.pack("<QQ", offset, length) * 8
    return index + google_crc32c.value(index).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("shard", "complaint"),
    [
        (bytes(9), "fewer than its index"),
        (bytes(5000), "checksum"),
        (bytes(512) + shard_index(100, 2**40), "but the file has"),
        (bytes(512) + shard_index(2**63, 2**63), "but the file has"),
    ],
)
def test_a_broken_shard_index_is_named(write: Write, shard: bytes, complaint: str) -> None:
    codec = {"name": "sharding_indexed", "configuration": SHARDING}
    mag = write("zarr3", chunk=shard, codecs=[codec])
    assert broken(mag, "zarr3").file == CHUNKS["zarr3"]
    with pytest.raises(VoxelsBroken, match=complaint) as caught:
        open_mag(mag, "zarr3").stored_chunk((0, 0, 0, 0))
    assert caught.value.file == CHUNKS["zarr3"]


def test_a_replaced_shard_is_looked_up_anew(write: Write) -> None:
    codec = {"name": "sharding_indexed", "configuration": SHARDING}
    mag = write("zarr3", chunk=bytes(512) + shard_index(0, 512), codecs=[codec])
    array = open_mag(mag, "zarr3")
    stored = array.stored_chunk((0, 1, 1, 1))
    assert stored is not None
    assert (stored.offset, stored.length) == (0, 512)
    (mag / CHUNKS["zarr3"]).write_bytes(bytes(600) + shard_index(88, 512))
    moved = array.stored_chunk((0, 1, 1, 1))
    assert moved is not None
    assert (moved.offset, moved.length) == (88, 512)


def test_a_path_that_is_not_utf8_is_explained(write: Write, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    write("zarr").rename(odd)
    assert "not UTF-8" in broken(odd, "zarr").cause


def test_looping_links_are_explained(tmp_path: Path) -> None:
    (tmp_path / "1").symlink_to(tmp_path / "2")
    (tmp_path / "2").symlink_to(tmp_path / "1")
    for mag in (tmp_path / "1", tmp_path / "1" / "1"):
        with pytest.raises(VoxelsBroken, match="symbolic links"):
            open_mag(mag, "zarr3")
        with pytest.raises(VoxelsBroken, match="symbolic links"):
            open_mag(mag, "wkw")


def test_links_and_roundabout_paths_are_followed(write: Write, tmp_path: Path) -> None:
    mag = write("zarr", chunk=bytes([9]) * 4096)
    (tmp_path / "2-2-1").symlink_to(mag)
    for path in (tmp_path / "2-2-1", mag / ".." / ".." / "layer" / "1"):
        assert (open_mag(path, "zarr").read(BOX) == 9).all()


def test_a_directory_is_no_chunk(write: Write) -> None:
    mag = write("zarr")
    (mag / CHUNKS["zarr"]).mkdir()
    with pytest.raises(VoxelsBroken, match="not a regular file"):
        open_mag(mag, "zarr").stored_chunk((0, 0, 0, 0))


@pytest.mark.parametrize("data_format", ["zarr", "zarr3", "n5"])
def test_a_blosc_chunk_that_claims_gigabytes_is_not_decoded(write: Write, data_format: str) -> None:
    chunk = bytearray(numcodecs.Blosc("zstd").encode(bytes(4096)))
    chunk[4:8] = struct.pack("<I", 2**31 - 17)
    shuffled = {key: value for key, value in BLOSC.items() if key != "id"}
    changes: dict[str, dict[str, Any]] = {
        "zarr": {"compressor": BLOSC},
        "zarr3": {
            "codecs": [
                BYTES,
                {"name": "blosc", "configuration": shuffled | {"shuffle": "noshuffle"}},
            ]
        },
        "n5": {"compression": shuffled | {"type": "blosc"}},
    }
    block_header = struct.pack(">HHIII", 0, 3, 16, 16, 16) if data_format == "n5" else b""
    mag = write(data_format, chunk=block_header + chunk, **changes[data_format])
    assert "claims 2,147,483,631 bytes" in broken(mag, data_format).cause


def test_metadata_that_are_a_pipe_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "zarr.json")
    assert "not a regular file" in broken(tmp_path, "zarr3").cause


def test_n5_blocks_may_not_exceed_their_grid(write: Write) -> None:
    mag = write("n5", chunk=struct.pack(">HHIII", 0, 3, 2**31, 2**31, 16) + bytes(4096))
    assert "exceeds blockSize" in broken(mag, "n5").cause


def test_a_gzip_bomb_is_not_inflated(write: Write) -> None:
    chunk = struct.pack(">HHIII", 0, 3, 16, 16, 16) + gzip.compress(bytes(2**26), 1)
    mag = write("n5", chunk=chunk, compression={"type": "gzip", "level": 1})
    assert "End of data expected" in broken(mag, "n5").cause


def test_a_line_of_tiny_chunks_is_refused(write: Write) -> None:
    mag = write("zarr", shape=[2**30, 16, 16], chunks=[1, 1, 1])
    with pytest.raises(BoxTooLarge, match="stored chunks"):
        open_mag(mag, "zarr").read(Box((0, 0, 0), (2**21, 1, 1)))
