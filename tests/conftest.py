"""What every test may use, which tests run on every kind of stores, and which share a process."""

import re
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.core.cache.backends.base import BaseCache
from xdist.scheduler import LoadScopeScheduling

from sharing import generation

SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "samples"
MEET_STORES = {"db", "transactional_db", "live_server", "demo"}
"""Fixtures with which a test gets a database, alone or as a part of a site."""
SLOW = ("tests/live/", "tests/browser/")
TOGETHER = re.compile(
    r"tests/(browser/|conversion/test_samples|datasets/streaming/test_(live_|nginx_grants)"
    r"|live/test_(api_fuzzed|library_compose_and_paths|library_conversion)|live/)"
)
"""How files begin whose tests share what takes seconds to start."""
UNREACHABLE = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what meets stores; the slowest first, that no process works alone in the end."""
    for item in items:
        if item.get_closest_marker("django_db") or MEET_STORES.intersection(
            getattr(item, "fixturenames", ())
        ):
            item.add_marker(pytest.mark.stores)
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return Scheduling(config, log)


class Scheduling(LoadScopeScheduling):
    """Tests that share a browser or a site run in one process, largest groups first.

    pytest-xdist's own "loadgroup" forms no groups with pytest 9.2 (its issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        shared = TOGETHER.match(nodeid)
        return shared.group() if shared else nodeid


@pytest.fixture(autouse=True)
def no_stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test without the mark `stores` fails where it meets any: it runs on one kind only.

    pytest-django does the same for the database of the test's own process.
    """
    if request.node.get_closest_marker("stores"):
        return

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("cache, broker or access generation in a test without the mark 'stores'")

    monkeypatch.setattr(BaseCache, "make_and_validate_key", refuse)
    monkeypatch.setattr(Celery, "send_task", refuse)
    monkeypatch.setattr(generation, "counter", refuse)
    for name, url in UNREACHABLE.items():
        monkeypatch.setenv(name, url)


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real sample files; tests skip where it is absent."""
    if not SAMPLES.is_dir():
        pytest.skip(f"no real sample files at {SAMPLES}")
    return SAMPLES
