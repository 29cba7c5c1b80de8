"""Several requests and workers at the same time, each with its own connection."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from conversion import runner
from conversion.models import Job, Upload
from conversion.services import jobs
from datasets.models import Dataset
from sharing.models import Organization, User
from tests.conversion.uploading import Sender, left_behind
from tests.factories import make_organization, make_user

FILES = {"a.bin": b"x" * 25_000}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def on_commit() -> None:
    """These tests commit."""


@pytest.fixture
def lab() -> Organization:
    return make_organization()


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "dispatch", lambda *args: None)


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """What each of them returns, begun at the same moment."""
    begin = Barrier(len(deeds))

    def run(deed: Callable[[], Any]) -> Any:
        begin.wait()
        try:
            return deed()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(run, deeds))


def test_of_several_that_fit_alone_only_one_gets_the_room(lab: Organization) -> None:
    lab.included_storage_bytes = 30_000
    lab.save()
    senders = [Sender(make_user(lab, is_dataset_manager=True)) for _ in range(4)]
    answers = at_once(*[lambda s=sender: s.reserve(FILES) for sender in senders])
    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]
    assert Dataset.objects.count() == 1


def test_the_same_announcement_at_once_makes_one_upload(uploader: User) -> None:
    sender = Sender(uploader)
    answers = at_once(*[lambda: sender.reserve(FILES)] * 4)
    assert {answer.status_code for answer in answers} == {200}
    assert (Upload.objects.count(), Dataset.objects.count()) == (1, 1)


def test_the_same_chunk_at_once_is_taken_once_and_told_to_all(uploader: User) -> None:
    sender = Sender(uploader)
    sender.reserve(FILES)
    answers = at_once(*[lambda: sender.chunk("a.bin", FILES["a.bin"], 2)] * 4)
    assert {answer.status_code for answer in answers} == {200}
    assert sender.has("a.bin", 2)
    assert not sender.has("a.bin", 1)


def test_several_finishes_share_one_job_and_one_answer(
    uploader: User, files: dict[str, bytes]
) -> None:
    sender = Sender(uploader)
    sender.reserve(files)
    sender.send(files)

    def work() -> None:
        while not Job.objects.exists():
            pass
        runner.run(Job.objects.get().pk)

    *answers, _ = at_once(sender.finish, sender.finish, work)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert Job.objects.count() == 1


def test_cancelling_and_finishing_at_once_ends_either_way_whole(
    uploader: User, files: dict[str, bytes], organization_directory: Path
) -> None:
    sender = Sender(uploader)
    sender.reserve(files)
    sender.send(files)

    def work() -> None:
        for _ in range(500):
            if job := Job.objects.first():
                runner.run(job.pk)
                return

    at_once(sender.finish, sender.cancel, work)
    if Dataset.objects.exists():
        assert Dataset.objects.get().is_active
        assert sender.row.state == Upload.State.DONE
    else:
        assert left_behind(organization_directory) == []
        assert sender.row.state == Upload.State.CANCELLED
