"""A data directory of its own, and kinds of work that tests control."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conversion import runner
from conversion.models import Job
from conversion.runner import Handler
from conversion.services import jobs
from sharing.access import Actor, actor_for
from sharing.models import Organization, User
from tests.factories import make_organization, make_user


@pytest.fixture(autouse=True)
def binary_data(tmp_path: Path, settings: Any) -> Path:
    settings.BINARY_DATA_DIR = tmp_path / "binaryData"
    settings.BINARY_DATA_DIR.mkdir()
    return settings.BINARY_DATA_DIR


@pytest.fixture
def lab(db: None) -> Organization:
    return make_organization()


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Handler]]:
    """What the kinds of jobs do, for a test to replace."""
    replaced = dict(runner._handlers)
    monkeypatch.setattr(runner, "_handlers", replaced)
    yield replaced


@pytest.fixture
def owner(lab: Organization) -> User:
    return make_user(lab)


@pytest.fixture
def actor(owner: User) -> Actor:
    return actor_for(owner)


@pytest.fixture
def job(lab: Organization, owner: User) -> Job:
    return jobs.create(kind=Job.Kind.SCAN, organization=lab, owner=owner)


@pytest.fixture
def told(handlers: dict[str, Handler]) -> list[Job]:
    """The jobs that people were told of."""
    notified: list[Job] = []
    handlers["scan_disk"] = Handler(lambda run: {}, notified.append)
    return notified
