"""Looking at the disk now, as the public library asks for it."""

from collections.abc import Callable
from typing import Any

import pytest

from conversion.api import triggers
from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from sharing.models import Organization
from tests.conversion.uploading import Sender, run_waiting_jobs
from tests.datasets.disk.on_disk import age, remove, write_dataset
from tests.factories import make_organization, make_user


@pytest.fixture(autouse=True)
def _jobs_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait_until(is_over: Callable[[], bool]) -> None:
        run_waiting_jobs()
        is_over()

    monkeypatch.setattr(triggers, "wait_until", wait_until)


def test_reloading_sees_what_changed_on_disk(lab: Organization, sender: Sender) -> None:
    directory = write_dataset(lab, "brain")
    age(directory)
    scan_organization(lab)
    dataset = Dataset.objects.get()
    remove(directory)
    answer = sender.post(f"/data/v16/triggers/reload/{lab.pk}/{dataset.pk}")
    assert answer.status_code == 200, answer.content
    dataset.refresh_from_db()
    assert dataset.is_unreported


def test_reloading_is_for_editors(lab: Organization, sender: Sender) -> None:
    write_dataset(lab, "brain")
    scan_organization(lab)
    dataset = Dataset.objects.get()
    address = f"/data/v16/triggers/reload/{lab.pk}/{dataset.pk}"
    assert Sender(make_user(lab)).post(address).status_code == 404
    assert Sender(make_user(make_organization(), is_admin=True)).post(address).status_code == 404
    assert sender.post(f"/data/triggers/reload/other/{dataset.pk}").status_code == 404


def test_scanning_finds_what_is_new_before_it_answers(lab: Organization, sender: Sender) -> None:
    write_dataset(lab, "brain")
    answer: Any = sender.post(f"/data/v15/triggers/checkInboxBlocking?organizationId={lab.pk}")
    assert answer.status_code == 200, answer.content
    assert "1 new" in answer.json()["messages"][0]["success"]
    assert Dataset.objects.get().name == "brain"


def test_scanning_is_for_those_who_bring_data_in(lab: Organization) -> None:
    address = f"/data/triggers/checkInboxBlocking?organizationId={lab.pk}"
    assert Sender(make_user(lab)).post(address).status_code == 403
    stranger = Sender(make_user(make_organization(), is_admin=True))
    unknown = stranger.post("/data/triggers/checkInboxBlocking?organizationId=unknown")
    assert stranger.post(address).json() == unknown.json()
    assert unknown.status_code == 404
