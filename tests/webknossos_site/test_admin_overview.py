"""The first page of the admin: what an operator asks first."""

import shutil
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from conversion.models import Job
from conversion.services import worker_signs
from conversion.tasks import show_that_worker_lives
from datasets.models import Dataset, DiskScan
from tests.admin_rows import World
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def panel(world: World, role: str) -> dict[str, Any]:
    response = world.client(role).get(reverse("admin:index"))
    return {figure.label: figure for figure in response.context["overview"]}


def no_worker_was_heard_of() -> None:
    # Only this key, not cache.clear(): on Redis that empties what other test processes share.
    cache.delete(worker_signs.KEY)


def test_problems_are_counted_and_lead_to_their_list(world: World) -> None:
    make_dataset(world.alpha)
    make_dataset(world.alpha, status=Dataset.Status.NO_LONGER_AVAILABLE)
    make_dataset(world.bravo, status="Error: broken")
    figure = panel(world, "superuser")["Datasets with a problem"]
    assert figure.value == 2
    assert figure.trouble
    listed = world.client("superuser").get(figure.address)
    assert len(listed.context["cl"].result_list) == 2


def test_staff_get_the_numbers_of_their_own_organization(world: World) -> None:
    make_dataset(world.alpha)
    make_dataset(world.bravo, status="Error: broken")
    Job.objects.create(kind=Job.Kind.SCAN, organization=world.bravo, state=Job.State.FAILURE)
    figures = panel(world, "staff of alpha")
    assert figures["Datasets"].value == 1
    assert figures["Datasets with a problem"].value == 0
    assert figures["Failed jobs"].value == 0
    assert "Organizations" not in figures


def test_a_scan_that_is_late_is_trouble(world: World) -> None:
    DiskScan.objects.create(organization=world.alpha, finished=timezone.now())
    assert not panel(world, "superuser")["Last scan of the disk"].trouble
    DiskScan.objects.update(finished=timezone.now() - 4 * settings.SCAN_INTERVAL)
    assert panel(world, "superuser")["Last scan of the disk"].trouble


def test_a_silent_worker_is_trouble(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    no_worker_was_heard_of()
    assert panel(world, "superuser")["Worker last heard of"].trouble
    show_that_worker_lives()
    figure = panel(world, "superuser")["Worker last heard of"]
    assert ("just now" in str(figure.value), figure.trouble) == (True, False)
    later = timezone.now() + timedelta(minutes=5)
    monkeypatch.setattr(timezone, "now", lambda: later)
    figure = panel(world, "superuser")["Worker last heard of"]
    assert ("just now" in str(figure.value), figure.trouble) == (False, True)


def test_a_worker_with_a_long_job_is_heard_of(world: World) -> None:
    no_worker_was_heard_of()
    Job.objects.create(kind=Job.Kind.SCAN, state=Job.State.STARTED, heartbeat=timezone.now())
    assert not panel(world, "superuser")["Worker last heard of"].trouble


def test_a_worker_shows_at_least_each_minute_that_it_lives() -> None:
    (entry,) = (
        entry
        for entry in current_app.conf.beat_schedule.values()
        if entry["task"] == show_that_worker_lives.name
    )
    assert entry["schedule"] <= 60


def test_old_failures_are_left_out(world: World) -> None:
    Job.objects.create(
        kind=Job.Kind.SCAN, state=Job.State.FAILURE, created=timezone.now() - timedelta(days=8)
    )
    assert panel(world, "superuser")["Failed jobs"].value == 0


def test_a_disk_that_fills_up_is_trouble(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 5 * 1024**3, "total": 100 * 1024**3})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    figure = panel(world, "superuser")["Disk free"]
    assert figure.value == "5 GiB"
    assert figure.trouble


def test_a_rows_own_page_offers_the_actions_of_its_list(world: World) -> None:
    job = Job.objects.create(kind=Job.Kind.SCAN, organization=world.alpha, state="FAILURE")
    client = world.client("staff of alpha")
    page = client.get(reverse("admin:conversion_job_change", args=[job.pk]))
    assert [name for name, _ in page.context["row_actions"]] == ["retry", "cancel"]
    form = f'<input type="hidden" name="_selected_action" value="{job.pk}">'
    assert form in page.content.decode()
