"""Archives from strangers: what is good comes out whole, what is hostile is refused with a word."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from conversion.uploads.names import BadUpload
from conversion.uploads.unpacking import RATIO_FLOOR, Limits, find_archive, unpack
from tests.conversion.uploads.trees import tree_of, write_tree

GIB = 1024**3
LIMITS = Limits(max_bytes=GIB)


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def zipped_as(mode: int) -> bytes:
    """A file, and an entry of this Unix file type."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("good.tif", b"good")
        entry = zipfile.ZipInfo("special")
        entry.external_attr = (mode | 0o644) << 16
        archive.writestr(entry, b"/etc/passwd")
    return buffer.getvalue()


def table_at(archive: bytes) -> int:
    """Where the first entry of the table of contents lies."""
    return int.from_bytes(archive[-6:-2], "little")


def patched(archive: bytes, offset: int, value: int, size: int = 4) -> bytes:
    return archive[:offset] + value.to_bytes(size, "little") + archive[offset + size :]


def in_both(archive: bytes, local: int, table: int, value: int, size: int = 4) -> bytes:
    """The archive of one entry with a field changed in both of its descriptions."""
    return patched(patched(archive, local, value, size), table_at(archive) + table, value, size)


def renamed(archive: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    assert archive.count(old) == 2
    return archive.replace(old, new)


def unpacked(tmp_path: Path, archive: bytes, limits: Limits = LIMITS) -> dict[str, bytes]:
    (tmp_path / "upload.zip").write_bytes(archive)
    told: list[float] = []
    unpack(tmp_path / "upload.zip", tmp_path / "files", limits, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    return tree_of(tmp_path / "files")


GOOD = {
    "color/1/z0/y0/x0.wkw": bytes(range(256)) * 9000,
    "color/1/.zarray": b"{}",
    "Größe/データ.tif": b"name in any script",
    "empty": b"",
}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_good_archive_comes_out_whole(tmp_path: Path, method: int) -> None:
    assert unpacked(tmp_path, zipped(GOOD, method)) == GOOD


def test_an_archive_with_a_program_before_it_comes_out_too(tmp_path: Path) -> None:
    assert unpacked(tmp_path, b"#!/bin/sh\n" * 99 + zipped(GOOD)) == GOOD


def test_zip64_comes_out_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(zipfile, "ZIP64_LIMIT", 10)
        patch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
        archive = zipped(GOOD)
    assert b"PK\x06\x06" in archive
    assert unpacked(tmp_path, archive) == GOOD


def test_entries_for_folders_are_skipped(tmp_path: Path) -> None:
    archive = zipped({"folder/": b"", "./folder/": b"", "./folder/a": b"a"})
    assert unpacked(tmp_path, archive) == {"folder/a": b"a"}


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("grün.tif".encode(), "grün.tif"),  # as macOS packs, without saying that it is UTF-8
        ("grün.tif".encode("cp437"), "grün.tif"),  # as the format says
    ],
)
def test_names_without_a_mark_are_utf_8_or_else_code_page_437(
    tmp_path: Path, stored: bytes, name: str
) -> None:
    archive = renamed(zipped({"x" * len(stored): b"a"}), b"x" * len(stored), stored)
    assert unpacked(tmp_path, archive) == {name: b"a"}


def test_progress_is_told_a_thousand_times_at_most(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({f"{i}": b"abcd" for i in range(3000)}))
    told: list[float] = []
    unpack(tmp_path / "a.zip", tmp_path / "files", LIMITS, progress=told.append)
    assert 500 < len(told) <= 1001


def encrypted() -> bytes:
    archive = zipped({"a": b"a"})
    return in_both(archive, 6, 8, 1, size=2)


def duplicate() -> bytes:
    return zipped({"color/a": b"first", "color/b": b"other"}).replace(b"color/b", b"color/a")


def overlapping() -> bytes:
    """Two names for the same bytes, as archives that unpack to many times their size have them."""
    archive = zipped({"a": bytes(1000), "b": b"short"})
    table = table_at(archive)
    second = archive.index(b"PK\x01\x02", table + 4)
    return patched(archive, second + 42, 0)


def nested_overlap() -> bytes:
    """A first entry that claims the second one as its compressed data."""
    archive = zipped({"a": b"a" * 10, "b": b"b" * 10}, zipfile.ZIP_STORED)
    return patched(patched(archive, 18, 60), table_at(archive) + 20, 60)


def understated() -> bytes:
    """A file larger than it says, in both descriptions."""
    archive = zipped({"a": bytes(100_000)})
    return in_both(archive, 22, 24, 10)


def overstated() -> bytes:
    return in_both(zipped({"a": b"a" * 100}), 22, 24, 500)


def broken_data() -> bytes:
    archive = bytearray(zipped({"a": bytes(range(256)) * 40}))
    archive[200] ^= 0xFF
    return bytes(archive)


def table_before_the_file() -> bytes:
    archive = zipped({"a": b"a"})
    return patched(archive, len(archive) - 10, 2**31)


def entry_behind_the_end() -> bytes:
    archive = zipped({"a": b"a"})
    return patched(archive, table_at(archive) + 42, 2**31)


def broken_utf8() -> bytes:
    return renamed(zipped({"é.tif": b"a"}), "é.tif".encode(), b"\xff\xfe.tif")


def with_name(name: str) -> Callable[[], bytes]:
    return lambda: renamed(
        zipped({"x" * len(name.encode()): b"a"}), b"x" * len(name.encode()), name.encode()
    )


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (with_name("/etc/cron.d/job"), "its path is absolute"),
        (with_name("C:/Windows/a.dll"), "its path is absolute"),
        (with_name("../../outside"), "holds '.' or '..'"),
        (with_name("color/../../outside"), "holds '.' or '..'"),
        (with_name("../folder/"), "holds '.' or '..'"),
        (with_name("..\\..\\outside"), "holds a backslash"),
        (with_name("good.tif\0/../outside"), "control character"),
        (with_name("new\nline"), "control character"),
        (lambda: zipped({"/".join("a" * 40): b"a"}), "folders deep"),
        (lambda: zipped({"a" * 300: b"a"}), "longer than 255 bytes"),
        (lambda: zipped_as(stat.S_IFLNK), "'special' as a link or a device"),
        (lambda: zipped_as(stat.S_IFCHR), "'special' as a link or a device"),
        (lambda: zipped_as(stat.S_IFIFO), "'special' as a link or a device"),
        (encrypted, "'a' in the archive is encrypted"),
        (lambda: zipped({"a": b"a" * 99}, zipfile.ZIP_LZMA), "compressed in an unusual way"),
        (lambda: zipped({"a": b"a" * 99}, zipfile.ZIP_BZIP2), "compressed in an unusual way"),
        (duplicate, "'color/a' twice"),
        (lambda: zipped({"a": b"file", "a/b": b"in folder"}), "both as a file and as a folder"),
        (lambda: zipped({"a/b": b"in folder", "a": b"file"}), "both as a file and as a folder"),
        (overlapping, "overlaps"),
        (nested_overlap, "overlaps"),
        (understated, "'a' can't be unpacked"),
        (overstated, "'a' is shorter than it says|'a' can't be unpacked"),
        (broken_data, "'a' can't be unpacked"),
        (table_before_the_file, "'upload.zip' can't be unpacked"),
        (entry_behind_the_end, "overlaps|can't be unpacked"),
        (broken_utf8, "'upload.zip' can't be unpacked"),
        (lambda: b"", "'upload.zip' can't be unpacked"),
        (lambda: b"II*\0 a TIFF that was renamed", "'upload.zip' can't be unpacked"),
        (lambda: zipped(GOOD)[:-1000], "'upload.zip' can't be unpacked"),
    ],
)
def test_a_hostile_archive_is_refused_with_the_reason(
    tmp_path: Path, archive: Callable[[], bytes], reason: str
) -> None:
    before = tree_of(tmp_path)
    with pytest.raises(BadUpload, match=reason) as refused:
        unpacked(tmp_path, archive())
    assert str(refused.value).isprintable()
    (tmp_path / "upload.zip").unlink()
    after = {path for path in tree_of(tmp_path) if not path.startswith("files/")}
    assert after == set(before)
    assert not (tmp_path.parent / "outside").exists()


def test_more_than_is_allowed_is_refused_before_a_byte_is_written(tmp_path: Path) -> None:
    archive = zipped({"a": bytes(1000), "b": bytes(1001)})
    with pytest.raises(BadUpload, match="more than the 2,000 bytes"):
        unpacked(tmp_path, archive, Limits(max_bytes=2000))
    assert tree_of(tmp_path / "files") == {}
    assert len(unpacked(tmp_path, archive, Limits(max_bytes=2001))) == 2


def test_a_bomb_is_refused_but_a_tiny_archive_may_be_dense(tmp_path: Path) -> None:
    dense = zipped({"a": bytes(20 * 1024 * 1024)})
    assert len(unpacked(tmp_path, dense, Limits(max_bytes=GIB, max_ratio=10))["a"]) == 20 * 2**20
    bomb = in_both(zipped({"a": bytes(1000)}), 22, 24, RATIO_FLOOR + 1)
    with pytest.raises(BadUpload, match=f"more than the {RATIO_FLOOR:,} bytes"):
        unpacked(tmp_path, bomb, LIMITS)


def test_what_it_says_is_not_believed(tmp_path: Path) -> None:
    archive = in_both(
        in_both(zipped({"a": bytes(100_000)}), 22, 24, 10), 14, 16, zlib.crc32(bytes(10))
    )
    assert unpacked(tmp_path, archive, Limits(max_bytes=10)) == {"a": bytes(10)}


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    archive = zipped({f"{i}": b"" for i in range(11)})
    with pytest.raises(BadUpload, match="more than 10 files"):
        unpacked(tmp_path, archive, Limits(max_entries=10, max_bytes=GIB))
    assert len(unpacked(tmp_path, archive, Limits(max_entries=11, max_bytes=GIB))) == 11


def test_more_entries_than_the_archive_admits_are_refused(tmp_path: Path) -> None:
    archive = zipped({f"{i}": b"" for i in range(11)})
    end = len(archive) - 22
    lying = archive[: end + 8] + struct.pack("<HH", 1, 1) + archive[end + 12 :]
    with pytest.raises(BadUpload, match="more than 10 files"):
        unpacked(tmp_path, lying, Limits(max_entries=10, max_bytes=GIB))


def test_a_full_disk_is_no_fault_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "open", lambda path, mode: io.FileIO("/dev/full", "w"))
    with pytest.raises(OSError, match="No space"):
        unpacked(tmp_path, zipped(GOOD))


@pytest.mark.parametrize(
    ("paths", "archive"),
    [
        (["data.zip"], "data.zip"),
        (["folder/DATA.ZIP"], "folder/DATA.ZIP"),
        (["data.zip", ".DS_Store", "__MACOSX/._data.zip"], "data.zip"),
        (["data.zip", "datasource-properties.json"], None),
        (["a.tif", "b.tif"], None),
        (["brain.nii.gz"], None),
        (["info", "8_8_8/0-64_0-64_0-64.gz"], None),
        ([], None),
    ],
)
def test_the_archive_that_an_upload_consists_of(
    tmp_path: Path, paths: list[str], archive: str | None
) -> None:
    root = write_tree(tmp_path / "upload", paths)
    assert find_archive(root) == (root / archive if archive else None)


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        (["a.zip", "b.zip"], r"several archives \('a\.zip', 'b\.zip'\)"),
        ([f"{i}.zip" for i in range(9)], r"'2\.zip' and 6 more\)"),
        (["a.zip", "b.zip", "readme.txt"], "several archives"),
        (["stack.tar"], r"'stack\.tar' can't be unpacked"),
        (["stack.tar.gz", "readme.txt"], r"'stack\.tar\.gz' can't"),
        (["folder/stack.RAR"], r"'folder/stack\.RAR' can't"),
        (["stack.7z"], "can't be unpacked"),
        (["slice 1.tif.gz", "slice 2.tif.gz"], "'slice 1.tif.gz', 'slice 2.tif.gz' can't"),
        (["a.zip", "b.tgz"], r"'b\.tgz' can't"),
    ],
)
def test_several_archives_and_other_kinds_are_refused_by_name(
    tmp_path: Path, paths: list[str], reason: str
) -> None:
    with pytest.raises(BadUpload, match=reason):
        find_archive(write_tree(tmp_path / "upload", paths))
