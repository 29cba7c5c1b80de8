"""The runner: work is done once, and every end is clear to people."""

import errno
import logging
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from conversion import runner, tasks
from conversion.models import Job
from conversion.runner import Handler, JobFailed, Run
from conversion.services import jobs
from datasets.models import Dataset
from sharing.errors import Invalid
from sharing.models import Organization
from tests.conversion.work import Handlers, do, now_due, raising
from tests.factories import make_dataset, make_organization


def test_the_result_and_the_course_stand_on_the_row(job: Job, handlers: Handlers) -> None:
    def work(run: Run) -> dict[str, Any]:
        assert Job.objects.get().state == Job.State.STARTED
        run.progress("reading", 40, "slice 4 of 10")
        shown = Job.objects.get()
        assert (shown.stage, shown.percentage, shown.message) == (
            "reading",
            40,
            "slice 4 of 10",
        )
        run.log("a line")
        return {"answer": 42}

    do(handlers, work)
    runner.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCESS
    assert job.result == {"answer": 42}
    assert job.started is not None
    assert job.ended is not None
    assert job.lease_until is None
    assert [line.text for line in job.log_lines.all()] == ["a line"]


def test_progress_within_a_stage_is_written_once_a_second_at_most(
    job: Job, handlers: Handlers
) -> None:
    seen = []

    def work(run: Run) -> dict[str, Any]:
        for percentage in range(100):
            run.progress("reading", percentage)
            seen.append(Job.objects.get().percentage)
        run.progress("writing", 0)
        assert Job.objects.get().stage == "writing"
        return {}

    do(handlers, work)
    runner.run(job.pk)
    assert len(set(seen)) < 10


def test_the_datasets_row_shows_the_work_while_it_lasts(
    lab: Organization, handlers: Handlers
) -> None:
    dataset = make_dataset(lab)
    job = jobs.create(kind=Job.Kind.SCAN, organization=lab, dataset=dataset)

    def work(run: Run) -> dict[str, Any]:
        run.progress("reading", 40, "slice 4 of 10")
        row = Dataset.objects.get()
        shown = (row.job_stage, row.job_percentage, row.job_message)
        assert shown == ("reading", 40, "slice 4 of 10")
        return {}

    do(handlers, work)
    runner.run(job.pk)
    row = Dataset.objects.get()
    assert (row.job_stage, row.job_percentage, row.job_message) == ("", None, "")


def test_a_second_message_does_the_work_no_second_time(job: Job, handlers: Handlers) -> None:
    runs = []
    do(handlers, lambda run: runs.append(run) or {})
    runner.run(job.pk)
    runner.run(job.pk)
    assert len(runs) == 1


def test_a_job_that_does_not_exist_is_no_trouble(db: None) -> None:
    runner.run("0" * 24)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (JobFailed("The slices differ in size.", "Crop them."), "The slices differ in size."),
        (Invalid("There is no layer.", "Add one."), "There is no layer. Add one."),
    ],
)
def test_an_expected_failure_ends_it_with_its_cause(
    job: Job, handlers: Handlers, error: Exception, cause: str
) -> None:
    do(handlers, raising(error))
    runner.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.cause) == (Job.State.FAILURE, cause)


def test_a_crash_tells_people_a_reference_and_the_operator_the_rest(
    job: Job, handlers: Handlers, caplog: pytest.LogCaptureFixture
) -> None:
    do(handlers, raising(ZeroDivisionError("secret detail")))
    with caplog.at_level(logging.ERROR):
        runner.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.FAILURE
    assert "secret detail" not in job.cause + job.advice
    reference = job.advice.removesuffix(".").split()[-1]
    assert f"reference {reference}" in caplog.text
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        JobFailed("The storage is away.", is_temporary=True),
        OSError(errno.ESTALE, "Stale file handle"),
        OSError(errno.ENOSPC, "No space left on device"),
        OperationalError("database is locked"),
    ],
)
def test_a_temporary_fault_is_tried_again_later_and_not_for_ever(
    job: Job, handlers: Handlers, error: Exception
) -> None:
    do(handlers, raising(error))
    delays = []
    for attempt in (1, 2):
        runner.run(job.pk)
        job.refresh_from_db()
        assert (job.state, job.attempt) == (Job.State.PENDING, attempt)
        delays.append(job.not_before - timezone.now())
        runner.run(job.pk)  # not due yet
        assert Job.objects.get().attempt == attempt
        now_due(job)
    assert timedelta() < delays[0] < delays[1]
    runner.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempt) == (Job.State.FAILURE, 3)
    assert job.log_lines.count() == 3  # of each attempt; the last says what to do, too


def test_a_worker_that_is_stopped_puts_its_job_back_at_once(job: Job, handlers: Handlers) -> None:
    do(handlers, raising(SystemExit()))
    with pytest.raises(SystemExit):
        runner.run(job.pk)
    (line,) = job.log_lines.all()
    assert line.text == "The worker was stopped. Another goes on with the job."
    assert not line.is_problem
    do(handlers, lambda run: {})
    runner.run(job.pk)
    assert Job.objects.get().state == Job.State.SUCCESS


def test_a_worker_that_is_stopped_while_its_job_is_cancelled_leaves_the_rest_to_others(
    job: Job, handlers: Handlers, told: list[Job]
) -> None:
    def work(run: Run) -> dict[str, Any]:
        jobs.stop(job)
        raise SystemExit

    handlers["scan_disk"] = Handler(work, told.append)
    with pytest.raises(SystemExit):
        runner.run(job.pk)
    assert Job.objects.get().state == Job.State.CANCELLED
    tasks.look_after_jobs()
    assert told == [job]


def test_a_worker_that_is_stopped_after_it_lost_its_job_stops(job: Job, handlers: Handlers) -> None:
    def work(run: Run) -> dict[str, Any]:
        Job.objects.update(worker="another")
        raise SystemExit

    do(handlers, work)
    with pytest.raises(SystemExit):
        runner.run(job.pk)


def test_stops_of_the_worker_use_up_no_attempts(job: Job, handlers: Handlers) -> None:
    do(handlers, raising(SystemExit()))
    for _ in range(5):
        with pytest.raises(SystemExit):
            runner.run(job.pk)
        assert Job.objects.get().state == Job.State.PENDING
    do(handlers, raising(JobFailed("The storage is away.", is_temporary=True)))
    runner.run(job.pk)
    assert Job.objects.get().state == Job.State.PENDING


@pytest.mark.django_db(transaction=True)
def test_a_cancel_after_the_work_was_done_comes_too_late(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CANCEL_SECONDS", 0.01)
    job = jobs.create(kind=Job.Kind.SCAN, organization=make_organization())

    def work(run: Run) -> dict[str, Any]:
        jobs.stop(job)
        deadline = time.monotonic() + 20
        while run.stop is None:
            assert time.monotonic() < deadline
        return {"summary": "All done."}

    do(handlers, work)
    runner.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.message) == (Job.State.SUCCESS, "All done.")
    assert not job.cancel_requested


def test_people_are_told_once(job: Job, told: list[Job]) -> None:
    runner.run(job.pk)
    runner.notify(Job.objects.get())
    assert told == [job]


def test_trouble_with_telling_does_not_undo_the_work(job: Job, handlers: Handlers) -> None:
    def refuse(job: Job) -> None:
        raise ConnectionRefusedError

    handlers["scan_disk"] = Handler(lambda run: {}, refuse)
    runner.run(job.pk)
    assert Job.objects.get().state == Job.State.SUCCESS
