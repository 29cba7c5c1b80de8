"""An upload of which every byte has arrived."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conversion.models import Job
from sharing.models import Organization, User
from tests.conversion.uploading import Sender, dataset_files, run_waiting_jobs
from tests.factories import make_user


@pytest.fixture
def uploader(lab: Organization) -> User:
    return make_user(lab, is_dataset_manager=True)


@pytest.fixture
def organization_directory(binary_data: Path, lab: Organization) -> Path:
    return binary_data / lab.pk


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    return dataset_files(tmp_path)


@pytest.fixture(autouse=True)
def on_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a commit is done, though tests never commit."""

    def at_once(deed: Any, using: Any = None, robust: bool = False) -> None:
        deed()

    monkeypatch.setattr("django.db.transaction.on_commit", at_once)


@pytest.fixture
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests come back at once; jobs run where the test says so."""
    monkeypatch.setattr(
        "conversion.services.uploads_finishing.wait_until", lambda is_over: is_over()
    )


@pytest.fixture
def sent(uploader: User, files: dict[str, bytes], nobody_waits: None) -> Sender:
    """Reserved, sent, and asked to be finished."""
    sender = Sender(uploader)
    assert sender.reserve(files).status_code == 200
    sender.send(files)
    assert sender.finish().status_code == 503
    return sender


@pytest.fixture
def ordered(uploader: User, nobody_waits: None) -> Callable[..., tuple[Job, Sender]]:
    """Uploads images and has them taken in: the conversion waits."""

    def order(files: dict[str, bytes], **wanted: Any) -> tuple[Job, Sender]:
        sender = Sender(uploader)
        wanted = {"needsConversion": True, "voxelSizeFactor": [4, 4, 30], **wanted}
        sender.upload(files, **wanted)
        run_waiting_jobs()
        assert sender.finish().status_code == 200
        return Job.objects.get(kind="convert_to_wkw", dataset=sender.row.dataset), sender

    return order
