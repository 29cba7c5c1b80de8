"""The embedded broker: messages in a folder, which several processes write and take at once."""

from collections.abc import Callable
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

from webknossos_site.broker import Channel, Transport

MESSAGE = {"body": "a job's id", "headers": {"id": "1"}}


@pytest.fixture
def new_channel(tmp_path: Path) -> Callable[[], Channel]:
    """Makes channels of separate processes over the same folder."""

    def new() -> Channel:
        folders = ("data_folder_in", "data_folder_out", "control_folder")
        connection = Connection(
            "filesystem://",
            transport=Transport,
            transport_options=dict.fromkeys(folders, str(tmp_path)),
        )
        return connection.channel()

    return new


def test_messages_come_once_in_their_order_and_leave_nothing(
    new_channel: Callable[[], Channel], tmp_path: Path
) -> None:
    sender, receiver = new_channel(), new_channel()
    for number in range(12):
        sender._put("jobs", {"number": number})
    sender._put("other", MESSAGE)
    assert [receiver._get("jobs")["number"] for _ in range(12)] == list(range(12))
    with pytest.raises(Empty):
        receiver._get("jobs")
    assert receiver._get("other") == MESSAGE
    assert list(tmp_path.glob(".*msg")) == list(tmp_path.glob("*msg")) == []


def test_a_message_that_is_still_being_written_is_not_taken(
    new_channel: Callable[[], Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    sender, receiver = new_channel(), new_channel()
    met = []

    def while_writing(self: Path, target: Path) -> Any:
        with pytest.raises(Empty):
            receiver._get("jobs")
        met.append(target)
        return rename(self, target)

    rename = Path.replace
    monkeypatch.setattr(Path, "replace", while_writing)
    sender._put("jobs", MESSAGE)
    assert len(met) == 1
    assert receiver._get("jobs") == MESSAGE


def test_of_two_workers_one_gets_the_message(
    new_channel: Callable[[], Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    faster, slower = new_channel(), new_channel()
    faster._put("jobs", MESSAGE)
    rename = Path.rename

    def after_the_other(self: Path, target: Path) -> Any:
        monkeypatch.setattr(Path, "rename", rename)
        assert faster._get("jobs") == MESSAGE
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", after_the_other)
    with pytest.raises(Empty):
        slower._get("jobs")
