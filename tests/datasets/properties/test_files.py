"""Reading and writing datasource-properties.json."""

import errno
import json
import os
import resource
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from datasets.properties import DataSource, UnreadableProperties, dumps, loads, parse, read, write
from datasets.properties import files as files_module


def data_source(**changes: object) -> DataSource:
    document: dict[str, object] = {
        "scale": {"factor": [11.24, 11.24, 28], "unit": "nanometer"},
        "dataLayers": [],
    }
    return DataSource.model_validate(document | changes)


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (b"{", "line 1, column 2"),
        (b"\xff", "not UTF-8"),
        (b"[]", "must be a JSON object"),
        (b"[" * 100_000, "nested more than"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "nested more than"),
        (b'{"scale": [1, NaN, 1]}', "NaN"),
        (b'{"scale": [1, Infinity, 1]}', "Infinity"),
        (b'{"scale": [1, 1e999, 1]}', "scale[1]"),
        (b'{"version": 1' + b"0" * 5000 + b"}", "too large"),
        (b'{"version": 1' + b"0" * 50 + b"}", "version"),
        (b'{"id": {"name": "\\u0000"}}', "id.name"),
        (b'{"id": {"name": "\\ud800"}}', "id.name"),
        (b'{"dataLayers": []}', "scale is missing"),
        (b'{"scale": [1, 1], "dataLayers": []}', "scale.factor[2]"),
        (b'{"scale": {"factor": [1, 1, 1], "unit": "ell"}, "dataLayers": []}', "'ell'"),
        (b'{"scale": [1, 1, 1], "dataLayers": [{"name": 5}]}', "dataLayers[0].name: "),
        (b'{"scale": [1, 1, 1], "dataLayers": 5}', "dataLayers: "),
    ],
)
def test_broken_contents_give_the_status_text_with_the_place_of_the_trouble(
    tmp_path: Path, contents: bytes, words: str
) -> None:
    path = tmp_path / "datasource-properties.json"
    path.write_bytes(contents)
    with pytest.raises(UnreadableProperties) as caught:
        read(path)
    status = str(caught.value)
    assert status.startswith(
        f"Error: Invalid json format in {tmp_path.name}/datasource-properties.json: "
    )
    assert words in status
    assert len(status) < 1024


def test_errors_beyond_the_first_few_are_only_counted() -> None:
    with pytest.raises(UnreadableProperties, match="and 55 more"):
        loads(json.dumps({"scale": [1, 1, 1], "dataLayers": [{}] * 10}))


def test_a_missing_file_is_told_apart_from_a_broken_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "datasource-properties.json")


@pytest.mark.parametrize("target", ["nowhere", "datasource-properties.json"])
def test_a_dangling_or_looping_link_is_unreadable(tmp_path: Path, target: str) -> None:
    path = tmp_path / "datasource-properties.json"
    path.symlink_to(target)
    with pytest.raises(UnreadableProperties, match="can't be read"):
        read(path)


def test_a_pipe_does_not_block_and_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "datasource-properties.json"
    os.mkfifo(path)
    with pytest.raises(UnreadableProperties, match="not a regular file"):
        read(path)


def test_a_directory_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "datasource-properties.json"
    path.mkdir()
    with pytest.raises(UnreadableProperties):
        read(path)


def test_an_oversized_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "datasource-properties.json"
    with path.open("wb") as file:
        file.truncate(files_module.SIZE_LIMIT + 1)
    with pytest.raises(UnreadableProperties, match="larger than 32 MiB"):
        read(path)


def test_a_byte_order_mark_is_no_trouble() -> None:
    assert loads(b"\xef\xbb\xbf" + dumps(data_source()).encode()) == data_source()


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "datasource-properties.json"
    write(path, data_source(note="µm für alle"))
    assert read(path) == data_source(note="µm für alle")
    assert names_in(tmp_path) == ["datasource-properties.json"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_each_replaced_version_is_kept_in_the_log_with_its_time(tmp_path: Path) -> None:
    path = tmp_path / "datasource-properties.json"
    path.write_text("first, by hand and broken {")
    write(path, data_source(note="second"))
    write(path, data_source(note="third"))
    log = (tmp_path / "datasource-properties-backups.log").read_text()
    assert log.index("first, by hand and broken {") < log.index('"note": "second"')
    assert log.count("Contents of datasource-properties.json before 20") == 2
    assert "third" not in log


def test_an_unchanged_file_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "datasource-properties.json"
    write(path, data_source())
    before = path.stat().st_ino
    write(path, data_source())
    assert path.stat().st_ino == before
    assert names_in(tmp_path) == ["datasource-properties.json"]


def test_the_mode_of_the_replaced_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "datasource-properties.json"
    path.write_text("{}")
    path.chmod(0o640)
    write(path, data_source())
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_linked_file_is_written_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    link = tmp_path / "datasource-properties.json"
    link.symlink_to("shared/datasource-properties.json")
    write(link, data_source())
    assert link.is_symlink()
    assert read(tmp_path / "shared" / "datasource-properties.json") == data_source()


class FullDisk:
    """Lets some system calls through, then answers that no space is left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, allowed: int) -> None:
        self._real = vars(os)[name]
        self._left = allowed
        self.refused = False
        monkeypatch.setattr(os, name, self)

    def __call__(self, *arguments: object) -> object:
        if self._left <= 0:
            self.refused = True
            raise OSError(errno.ENOSPC, "No space left on device")
        self._left -= 1
        return self._real(*arguments)


@pytest.mark.parametrize(("call", "allowed"), [("fsync", 0), ("fsync", 1), ("replace", 0)])
def test_a_full_disk_leaves_the_old_file_whole_and_nothing_else_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, allowed: int
) -> None:
    path = tmp_path / "datasource-properties.json"
    write(path, data_source(note="old"))
    write(path, data_source(note="older, now"))
    log = (tmp_path / "datasource-properties-backups.log").read_bytes()
    with monkeypatch.context() as patch:
        disk = FullDisk(patch, call, allowed)
        with pytest.raises(OSError, match="No space left"):
            write(path, data_source(note="new"))
        assert disk.refused
    assert read(path) == data_source(note="older, now")
    assert names_in(tmp_path) == [
        "datasource-properties-backups.log",
        "datasource-properties.json",
    ]
    log_after = (tmp_path / "datasource-properties-backups.log").read_bytes()
    # A backup of what was not replaced in the end does no harm, half a backup would.
    assert log_after.startswith(log) if call == "replace" else log_after == log


def test_a_disk_that_fills_up_half_way_leaves_the_old_file_whole(tmp_path: Path) -> None:
    """On a real limit of file size, as a disk quota sets one."""
    path = tmp_path / "datasource-properties.json"
    write(path, data_source(note="old"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(path, data_source(note="n" * 1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert read(path) == data_source(note="old")
    assert names_in(tmp_path) == ["datasource-properties.json"]


def test_a_reader_meanwhile_finds_the_old_or_the_new_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "datasource-properties.json"
    versions = [data_source(note=letter * 20_000) for letter in "ab"]
    write(path, versions[0])
    done = threading.Event()

    def write_in_turn() -> None:
        for turn in range(1, 60):
            write(path, versions[turn % 2])
        done.set()

    writer = threading.Thread(target=write_in_turn)
    writer.start()
    reads = 0
    while not done.is_set() or reads == 0:
        assert read(path) in versions
        reads += 1
    writer.join()


def test_the_place_of_a_broken_character_is_told_in_plain_words() -> None:
    with pytest.raises(UnreadableProperties, match="Invalid control character at line 1, column 3"):
        loads('{"\x01": 1}')


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"dataLayers": [{}] * 1001}, "1,001 layers in dataLayers, but at most 1,000"),
        ({"dataLayers": [{}, {"mags": [{}] * 101}]}, "101 mags in dataLayers[1]"),
        ({"dataLayers": [{"wkwResolutions": [{}] * 101}]}, "101 wkwResolutions in dataLayers[0]"),
        ({"dataLayers": [{"mags": [{}] * 100}] * 101}, "10,100 mags in all layers together"),
        (
            {"dataLayers": [{"attachments": {"meshes": [{}] * 1001}}]},
            "1,001 meshes in dataLayers[0].attachments",
        ),
    ],
)
def test_more_than_can_be_judged_is_refused_before_it_is(
    document: dict[str, Any], words: str
) -> None:
    with pytest.raises(UnreadableProperties, match="remove some, or make several") as caught:
        parse(document)
    assert words in str(caught.value)
