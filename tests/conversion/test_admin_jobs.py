"""The admin's pages of jobs: what happened and why, retried and cancelled by operators."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from conversion.admin.jobs import LOG_LINES
from conversion.models import Job, JobLogLine
from tests.admin_rows import MAKERS, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def act(client: Client, action: str, *jobs: Job) -> list[str]:
    response = client.post(
        reverse("admin:conversion_job_changelist"),
        {"action": action, "_selected_action": [job.pk for job in jobs]},
        follow=True,
    )
    return [str(message) for message in response.context["messages"]]


def page_of(client: Client, job: Job) -> str:
    return client.get(reverse("admin:conversion_job_change", args=[job.pk])).content.decode()


def test_a_failed_job_says_why_what_to_do_and_shows_its_log(world: World) -> None:
    job: Any = MAKERS[Job](world.alpha)
    page = page_of(world.client("staff of alpha"), job)
    assert "The disk of alpha is full." in page
    assert "Free some space." in page
    assert "Looked at the directory." in page


def test_a_long_log_shows_its_end(world: World) -> None:
    job = Job.objects.create(kind=Job.Kind.SCAN, organization=world.alpha)
    JobLogLine.objects.bulk_create(
        JobLogLine(job=job, text=f"line {number}.") for number in range(LOG_LINES + 5)
    )
    page = page_of(world.client("superuser"), job)
    assert f"line {LOG_LINES + 4}." in page
    assert "line 4." not in page
    assert "Only the last lines are shown." in page


def test_retrying_names_each_job_and_refuses_what_is_done(world: World) -> None:
    failed: Any = MAKERS[Job](world.alpha)
    done = Job.objects.create(kind=Job.Kind.SCAN, organization=world.alpha, state=Job.State.SUCCESS)
    said = act(world.client("staff of alpha"), "retry", failed, done)
    assert len(said) == 2
    assert any("waits for a worker again" in sentence for sentence in said)
    assert any("can't be retried" in sentence for sentence in said)
    failed.refresh_from_db()
    done.refresh_from_db()
    assert failed.state == Job.State.PENDING
    assert done.state == Job.State.SUCCESS


def test_cancelling_ends_a_waiting_job_and_asks_a_running_one_to_stop(world: World) -> None:
    waiting = Job.objects.create(kind=Job.Kind.SCAN, organization=world.alpha)
    running = Job.objects.create(
        kind=Job.Kind.SCAN, organization=world.alpha, state=Job.State.STARTED
    )
    said = " ".join(act(world.client("staff of alpha"), "cancel", waiting, running))
    assert "is cancelled" in said
    assert "is asked to stop" in said
    running.refresh_from_db()
    assert running.cancel_requested


def test_a_job_that_lost_its_worker_is_told_from_one_that_runs(world: World) -> None:
    lease = timezone.now() - timedelta(minutes=5)
    job = Job.objects.create(
        kind=Job.Kind.SCAN, organization=world.alpha, state="STARTED", lease_until=lease
    )
    assert "lost its worker" in page_of(world.client("superuser"), job)


def test_progress_is_shown_with_stage_and_share(world: World) -> None:
    job = Job.objects.create(
        kind=Job.Kind.SCAN,
        organization=world.alpha,
        state="STARTED",
        stage="looking at datasets",
        percentage=37.4,
        message="374 of 1000",
    )
    page = page_of(world.client("superuser"), job)
    assert "looking at datasets" in page
    assert "37 %" in page
    assert "374 of 1000" in page


@pytest.mark.parametrize(
    ("role", "scanned"), [("superuser", {"alpha", "bravo"}), ("staff of alpha", {"alpha"})]
)
def test_the_button_asks_for_scans_of_what_the_person_operates(
    world: World, role: str, scanned: set[str]
) -> None:
    client = world.client(role)
    address = reverse("admin:conversion_job_scan")
    assert client.get(address).status_code == 405
    client.post(address)
    assert set(Job.objects.values_list("organization", flat=True)) == scanned


@pytest.mark.parametrize("role", ["admin of alpha without staff", "member of alpha", "anonymous"])
def test_nobody_else_asks_for_scans_here(world: World, role: str) -> None:
    world.client(role).post(reverse("admin:conversion_job_scan"))
    assert not Job.objects.exists()
