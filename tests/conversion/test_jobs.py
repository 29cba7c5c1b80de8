"""The state machine of jobs and the runner: work is done once, and nothing gets stuck."""

import errno
import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from conversion import runner
from conversion.models import Job
from conversion.runner import Handler, JobFailed, Run
from conversion.services import jobs
from conversion.services.jobs import LeaseLost
from datasets.models import Dataset
from sharing.access import Actor, actor_for
from sharing.errors import Conflict, Invalid, NotFound
from sharing.models import Organization, User
from tests.factories import make_dataset, make_organization, make_user

Handlers = dict[str, Handler]
SCAN = Job.Kind.SCAN


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
def told(handlers: Handlers) -> list[Job]:
    """The jobs that people were told of."""
    notified: list[Job] = []
    handlers["scan_disk"] = Handler(lambda run: {}, notified.append)
    return notified


def do(handlers: Handlers, work: Callable[[Run], dict[str, Any]]) -> None:
    handlers["scan_disk"] = Handler(work, lambda job: None)


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def now_due(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now())


def raising(error: BaseException) -> Callable[[Run], dict[str, Any]]:
    def work(run: Run) -> dict[str, Any]:
        raise error

    return work


class TestRun:
    def test_the_result_and_the_course_stand_on_the_row(self, job: Job, handlers: Handlers) -> None:
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
        self, job: Job, handlers: Handlers
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
        self, lab: Organization, handlers: Handlers
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

    def test_a_second_message_does_the_work_no_second_time(
        self, job: Job, handlers: Handlers
    ) -> None:
        runs = []
        do(handlers, lambda run: runs.append(run) or {})
        runner.run(job.pk)
        runner.run(job.pk)
        assert len(runs) == 1

    def test_a_job_that_does_not_exist_is_no_trouble(self, db: None) -> None:
        runner.run("0" * 24)

    @pytest.mark.parametrize(
        ("error", "cause"),
        [
            (JobFailed("The slices differ in size.", "Crop them."), "The slices differ in size."),
            (Invalid("There is no layer.", "Add one."), "There is no layer. Add one."),
            (OSError(errno.ENOSPC, "No space left on device"), "The disk is full."),
        ],
    )
    def test_an_expected_failure_ends_it_with_its_cause(
        self, job: Job, handlers: Handlers, error: Exception, cause: str
    ) -> None:
        do(handlers, raising(error))
        runner.run(job.pk)
        job.refresh_from_db()
        assert (job.state, job.cause) == (Job.State.FAILURE, cause)

    def test_a_crash_tells_people_a_reference_and_the_operator_the_rest(
        self, job: Job, handlers: Handlers, caplog: pytest.LogCaptureFixture
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
            OperationalError("database is locked"),
        ],
    )
    def test_a_temporary_fault_is_tried_again_later_and_not_for_ever(
        self, job: Job, handlers: Handlers, error: Exception
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
        assert job.log_lines.count() == 2

    def test_a_worker_that_is_stopped_puts_its_job_back_at_once(
        self, job: Job, handlers: Handlers
    ) -> None:
        do(handlers, raising(SystemExit()))
        with pytest.raises(SystemExit):
            runner.run(job.pk)
        do(handlers, lambda run: {})
        runner.run(job.pk)
        assert Job.objects.get().state == Job.State.SUCCESS

    def test_people_are_told_once(self, job: Job, told: list[Job]) -> None:
        runner.run(job.pk)
        runner.notify(Job.objects.get())
        assert told == [job]

    def test_trouble_with_telling_does_not_undo_the_work(
        self, job: Job, handlers: Handlers
    ) -> None:
        def refuse(job: Job) -> None:
            raise ConnectionRefusedError

        handlers["scan_disk"] = Handler(lambda run: {}, refuse)
        runner.run(job.pk)
        assert Job.objects.get().state == Job.State.SUCCESS


class TestLease:
    def test_who_lost_the_lease_can_change_nothing(self, job: Job) -> None:
        first = jobs.claim(job.pk)
        assert first is not None
        expire(job)
        jobs.look_after()
        second = jobs.claim(job.pk)
        assert second is not None
        for write in (
            lambda: jobs.renew(first),
            lambda: jobs.progress(first, stage="x", percentage=1, message=""),
            lambda: jobs.succeed(first, {"by": "first"}),
            lambda: jobs.fail(first, cause="x", advice=""),
            lambda: jobs.put_back(first, cause="x", advice=""),
        ):
            with pytest.raises(LeaseLost):
                write()
        jobs.succeed(second, {"by": "second"})
        assert Job.objects.get().result == {"by": "second"}

    def test_the_watchdog_leaves_a_living_worker_alone(self, job: Job) -> None:
        jobs.claim(job.pk)
        assert jobs.look_after() == []
        assert Job.objects.get().state == Job.State.STARTED

    def test_the_watchdog_gives_up_after_the_last_attempt_and_people_are_told(
        self, job: Job, told: list[Job]
    ) -> None:
        for _ in range(3):
            assert jobs.claim(job.pk)
            expire(job)
            ended = jobs.look_after()
        assert ended == [job]
        job.refresh_from_db()
        assert job.state == Job.State.FAILURE
        assert "worker stopped" in job.cause
        assert "Retry" in job.advice
        runner.notify(ended[0])
        assert told == [job]

    def test_a_lost_job_that_was_cancelled_ends_cancelled(self, job: Job, actor: Actor) -> None:
        jobs.claim(job.pk)
        jobs.cancel(actor=actor, job_id=job.pk)
        expire(job)
        jobs.look_after()
        assert Job.objects.get().state == Job.State.CANCELLED

    def test_a_scan_that_lost_its_worker_waits_beside_a_new_one(
        self, lab: Organization, job: Job
    ) -> None:
        jobs.claim(job.pk)
        expire(job)
        jobs.create(kind=Job.Kind.SCAN, organization=lab)
        jobs.look_after()
        assert Job.objects.filter(state=Job.State.PENDING).count() == 2

    def test_a_lost_message_is_sent_again(
        self,
        job: Job,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        sent: list[list[str]] = []
        monkeypatch.setattr(
            jobs.current_app, "send_task", lambda name, args, **_: sent.append(args)
        )
        with django_capture_on_commit_callbacks(execute=True):
            jobs.look_after()
        assert sent == []
        Job.objects.update(not_before=timezone.now() - timedelta(minutes=5))
        for _ in range(2):
            with django_capture_on_commit_callbacks(execute=True):
                jobs.look_after()
        assert sent == [[job.pk]]

    def test_a_broker_that_is_away_loses_nothing(
        self,
        lab: Organization,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise ConnectionRefusedError

        monkeypatch.setattr(jobs.current_app, "send_task", refuse)
        with django_capture_on_commit_callbacks(execute=True):
            jobs.create(kind=Job.Kind.SCAN, organization=lab)
        assert Job.objects.get().state == Job.State.PENDING


class TestPeople:
    def test_a_waiting_job_is_cancelled_at_once(self, job: Job, actor: Actor) -> None:
        assert jobs.cancel(actor=actor, job_id=job.pk).state == Job.State.CANCELLED
        assert jobs.claim(job.pk) is None

    def test_what_is_over_can_not_be_cancelled_nor_what_runs_be_retried(
        self, job: Job, actor: Actor
    ) -> None:
        claimed = jobs.claim(job.pk)
        assert claimed is not None
        with pytest.raises(Conflict, match="running"):
            jobs.retry(actor=actor, job_id=job.pk)
        jobs.succeed(claimed, {})
        with pytest.raises(Conflict, match="done"):
            jobs.cancel(actor=actor, job_id=job.pk)

    def test_a_failed_job_is_tried_again_as_if_new(
        self, job: Job, actor: Actor, handlers: Handlers
    ) -> None:
        do(handlers, raising(JobFailed("It broke.")))
        runner.run(job.pk)
        retried = jobs.retry(actor=actor, job_id=job.pk)
        assert (retried.state, retried.cause, retried.notified) == (Job.State.PENDING, "", None)
        assert retried.max_attempts - retried.attempt == 3
        do(handlers, lambda run: {})
        runner.run(job.pk)
        assert Job.objects.get().state == Job.State.SUCCESS

    def test_a_cancelled_scan_is_not_retried_beside_a_waiting_one(
        self, lab: Organization, job: Job, actor: Actor
    ) -> None:
        jobs.cancel(actor=actor, job_id=job.pk)
        jobs.create(kind=Job.Kind.SCAN, organization=lab)
        with pytest.raises(Conflict, match="waits already"):
            jobs.retry(actor=actor, job_id=job.pk)

    def test_only_the_owner_and_admins_see_a_job(self, lab: Organization, job: Job) -> None:
        admin = actor_for(make_user(lab, is_admin=True))
        other = actor_for(make_user(lab, is_dataset_manager=True))
        foreign = actor_for(make_user(make_organization(), is_admin=True))
        assert list(Job.objects.visible_to(admin)) == [job]
        for actor in (other, foreign, Actor()):
            assert not Job.objects.visible_to(actor)
            for act in (jobs.cancel, jobs.retry):
                with pytest.raises(NotFound):
                    act(actor=actor, job_id=job.pk)


def in_two_threads(act: Callable[[str], Any], argument: str) -> list[Any]:
    """What `act` returns to two threads that call it at the same moment."""
    barrier = threading.Barrier(2)
    returned = []

    def call() -> None:
        try:
            barrier.wait()
            returned.append(act(argument))
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(returned) == 2
    return returned


@pytest.mark.usefixtures("threads_may_write")
@pytest.mark.django_db(transaction=True)
class TestThreads:
    def test_of_two_workers_one_gets_the_job(self) -> None:
        lab = make_organization()
        for _ in range(5):
            claims = in_two_threads(jobs.claim, jobs.create(kind=SCAN, organization=lab).pk)
            assert len([claimed for claimed in claims if claimed]) == 1

    def test_the_heartbeat_keeps_the_lease_and_notices_a_cancel(
        self, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runner, "HEARTBEAT_SECONDS", 0.01)
        lab = make_organization()
        owner = make_user(lab)
        job = jobs.create(kind=Job.Kind.SCAN, organization=lab, owner=owner)
        reached = []

        def work(run: Run) -> dict[str, Any]:
            first = run.job.lease_until
            while Job.objects.get().lease_until == first:
                pass
            jobs.cancel(actor=actor_for(owner), job_id=job.pk)
            while True:
                run.progress("working")
                reached.append(1)

        do(handlers, work)
        runner.run(job.pk)
        assert reached
        assert Job.objects.get().state == Job.State.CANCELLED

    def test_a_lost_lease_stops_the_work_without_a_word(
        self, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runner, "HEARTBEAT_SECONDS", 0.01)
        job = jobs.create(kind=Job.Kind.SCAN, organization=make_organization())

        def work(run: Run) -> dict[str, Any]:
            Job.objects.update(worker="another")
            while True:
                run.check()

        do(handlers, work)
        runner.run(job.pk)
        job.refresh_from_db()
        assert (job.state, job.worker) == (Job.State.STARTED, "another")
