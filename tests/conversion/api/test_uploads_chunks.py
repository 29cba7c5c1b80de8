"""Chunks over HTTP: repeated, in any order, lying, broken."""

import errno
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from conversion.models import Upload
from conversion.services import uploads
from conversion.uploads.chunk_store import ChunkWriter
from tests.conversion.uploading import (
    FILES,
    Sender,
    sentences,
)


class TestChunks:
    def test_come_in_any_order_and_twice(
        self, sender: Sender, organization_directory: Path
    ) -> None:
        content = bytes(range(250)) * 100
        sender.reserve({"a.bin": content})
        for number in (3, 1, 3, 2, 1):
            assert sender.chunk("a.bin", content, number).status_code == 200
            assert sender.has("a.bin", number)
        assert uploads.missing(sender.row) == []

    def test_are_tested_for(self, sender: Sender) -> None:
        sender.reserve(FILES)
        assert not sender.has("color/1/header.wkw", 2)
        sender.chunk("color/1/header.wkw", FILES["color/1/header.wkw"], 2)
        assert sender.has("color/1/header.wkw", 2)
        assert not sender.has("color/1/header.wkw", 1)

    def test_cost_two_queries(self, sender: Sender, django_assert_max_num_queries: Any) -> None:
        sender.reserve(FILES)
        sender.chunk("color/1/header.wkw", FILES["color/1/header.wkw"], 1)
        with django_assert_max_num_queries(2):
            sender.chunk("color/1/header.wkw", FILES["color/1/header.wkw"], 2)

    def test_missing_ones_keep_the_upload_open(self, sender: Sender) -> None:
        content = FILES["color/1/header.wkw"]
        sender.reserve(FILES)
        sender.chunk("color/1/header.wkw", content, 1)
        answer = sender.finish()
        assert answer.status_code == 400
        assert "header.wkw" in sentences(answer)
        assert sender.row.state == Upload.State.RESERVED
        assert sender.chunk("color/1/header.wkw", content, 2).status_code == 200

    @pytest.mark.parametrize(
        "changes",
        [
            {"resumableIdentifier": "no-slash"},
            {"path": "../escape"},
            {"path": "a/../../escape"},
            {"path": "/absolute"},
            {"path": "a\\b"},
            {"path": "a//b"},
            {"path": "nul\0"},
            {"path": "x" * 2000},
            {"resumableChunkNumber": 0},
            {"resumableChunkNumber": 9},
            {"resumableChunkNumber": "one"},
            {"resumableChunkNumber": 10**30},
            {"resumableChunkSize": 0},
            {"resumableChunkSize": -1},
            {"resumableTotalSize": 10**12},
            {"resumableTotalChunks": 10**9},
            {"resumableCurrentChunkSize": 99},
            {"body": b"x" * 10_001},
            {"body": b"x" * 9_999},
            {"body": b""},
        ],
        ids=str,
    )
    def test_that_lie_are_refused_for_good(
        self,
        sender: Sender,
        organization_directory: Path,
        changes: dict[str, Any],
        binary_data: Path,
    ) -> None:
        sender.reserve(FILES)
        before = {path for path in binary_data.parent.rglob("*") if ".uploading" not in str(path)}
        changes = dict(changes)
        path = changes.pop("path", "color/1/header.wkw")
        answer = sender.chunk(path, FILES["color/1/header.wkw"], 1, **changes)
        assert answer.status_code == 400, answer.content
        after = {path for path in binary_data.parent.rglob("*") if ".uploading" not in str(path)}
        assert after == before
        assert not sender.has("color/1/header.wkw", 1)

    def test_beyond_what_was_announced_are_refused(self, sender: Sender) -> None:
        sender.reserve(FILES)
        content = FILES["color/1/header.wkw"]
        assert sender.chunk("color/1/header.wkw", content).status_code == 200
        assert sender.chunk("another", content).status_code == 400

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"nonsense",
            b"--b\r\n\r\n",
            b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\ndata\r\n--b--',
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nno file\r\n--b--\r\n',
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 100_000,
        ],
    )
    def test_broken_forms_are_refused_for_good(self, sender: Sender, body: bytes) -> None:
        sender.reserve(FILES)
        answer = sender.client.generic(
            "POST",
            sender.base,
            body,
            content_type="multipart/form-data; boundary=b",
            headers={"x-auth-token": sender.token},
        )
        assert answer.status_code == 400, answer.content

    def test_that_contradict_earlier_ones_are_refused(self, sender: Sender) -> None:
        sender.reserve(FILES)
        content = FILES["color/1/header.wkw"]
        assert sender.chunk("color/1/header.wkw", content, 1).status_code == 200
        answer = sender.chunk("color/1/header.wkw", content, 2, resumableTotalSize=24_999)
        assert answer.status_code == 400

    @pytest.mark.parametrize(
        ("target", "error"),
        [
            ("write", OSError(errno.ENOSPC, "No space left on device")),
            ("commit", OSError(errno.EIO, "Input/output error")),
            ("write", OperationalError("database is locked")),
        ],
    )
    def test_trouble_of_the_site_asks_to_come_again(
        self, sender: Sender, monkeypatch: pytest.MonkeyPatch, target: str, error: Exception
    ) -> None:
        sender.reserve(FILES)

        def fail(*_: object) -> None:
            raise error

        with monkeypatch.context() as broken:
            broken.setattr(ChunkWriter, target, fail)
            answer = sender.chunk("color/1/header.wkw", FILES["color/1/header.wkw"])
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert not sender.has("color/1/header.wkw")
        assert sender.chunk("color/1/header.wkw", FILES["color/1/header.wkw"]).status_code == 200


def test_nobody_waits_for_what_a_stranger_sends() -> None:
    class Slow:
        def read(self, size: int = -1) -> bytes:
            raise AssertionError("a thread waits for a stranger")

        readline = read

    answer = Client().post(
        "/data/v15/datasets/upload/dataset",
        content_type="multipart/form-data; boundary=b",
        **{"CONTENT_LENGTH": "200000", "wsgi.input": Slow()},  # type: ignore[arg-type]
    )
    assert answer.status_code == 401
