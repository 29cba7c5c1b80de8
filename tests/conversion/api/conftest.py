"""People who upload, and a worker that takes what they finish in at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conversion.services import uploads_finishing
from datasets.models import Dataset
from sharing.models import Organization, User
from tests.conversion.uploading import Sender, dataset_files, run_waiting_jobs
from tests.factories import make_user


@pytest.fixture
def uploader(lab: Organization) -> User:
    return make_user(lab, is_dataset_manager=True)


@pytest.fixture
def sender(uploader: User) -> Sender:
    return Sender(uploader)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    return dataset_files(tmp_path)


@pytest.fixture
def uploaded(uploader: User, files: dict[str, bytes]) -> Dataset:
    """A dataset that was uploaded before."""
    answer = Sender(uploader).upload(files)
    assert answer.status_code == 200, answer.content
    return Dataset.objects.get(pk=answer.json()["datasetId"])


@pytest.fixture
def organization_directory(binary_data: Path, lab: Organization) -> Path:
    return binary_data / lab.pk


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a job lets it run first; one look is enough then."""

    def wait_until(is_over: Callable[[], bool]) -> None:
        run_waiting_jobs()
        is_over()

    monkeypatch.setattr(uploads_finishing, "wait_until", wait_until)


@pytest.fixture(autouse=True)
def on_commit(django_capture_on_commit_callbacks: Any, db: None) -> Any:
    """What waits for a commit is done, though tests never commit."""
    monkeypatched = pytest.MonkeyPatch()
    monkeypatched.setattr(
        "django.db.transaction.on_commit", lambda deed, using=None, robust=False: deed()
    )
    yield
    monkeypatched.undo()
