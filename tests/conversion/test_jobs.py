"""The state machine of jobs and the runner: work is done once, and nothing gets stuck."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from conversion import runner
from conversion.models import Job
from conversion.runner import JobFailed, Run
from conversion.services import jobs, jobs_watching
from conversion.services.jobs import LeaseLost
from datasets.models import Dataset
from sharing.access import Actor, actor_for
from sharing.errors import Conflict, NotFound
from sharing.models import Organization, User
from tests.conversion.work import Handlers, do, expire, raising
from tests.factories import make_dataset, make_organization, make_user

SCAN = Job.Kind.SCAN


class TestLease:
    def test_who_lost_the_lease_can_change_nothing(self, job: Job) -> None:
        first = jobs.claim(job.pk)
        assert first is not None
        expire(job)
        jobs_watching.look_after([Job.Kind.SCAN])
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
        assert jobs_watching.look_after([Job.Kind.SCAN]) == []
        assert Job.objects.get().state == Job.State.STARTED

    def test_the_watchdog_gives_up_after_the_last_attempt_and_people_are_told(
        self, job: Job, told: list[Job]
    ) -> None:
        for _ in range(3):
            assert jobs.claim(job.pk)
            expire(job)
            ended = jobs_watching.look_after([Job.Kind.SCAN])
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
        jobs_watching.look_after([Job.Kind.SCAN])
        assert Job.objects.get().state == Job.State.CANCELLED

    def test_a_scan_that_lost_its_worker_waits_beside_a_new_one(
        self, lab: Organization, job: Job
    ) -> None:
        jobs.claim(job.pk)
        expire(job)
        jobs.create(kind=Job.Kind.SCAN, organization=lab)
        jobs_watching.look_after([Job.Kind.SCAN])
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
            jobs_watching.look_after([Job.Kind.SCAN])
        assert sent == []
        Job.objects.update(not_before=timezone.now() - timedelta(minutes=5))
        for _ in range(2):
            with django_capture_on_commit_callbacks(execute=True):
                jobs_watching.look_after([Job.Kind.SCAN])
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

    def test_a_cancel_that_comes_as_the_job_ends_is_told_so(
        self, job: Job, actor: Actor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        claimed = jobs.claim(job.pk)
        assert claimed is not None
        before = Job.objects.get()
        jobs.fail(claimed, cause="It broke.", advice="")
        monkeypatch.setattr(jobs, "job_for", lambda *_: before)
        with pytest.raises(Conflict, match="it is failed"):
            jobs.cancel(actor=actor, job_id=job.pk)

    def test_a_cancel_before_a_failure_shows_no_more(self, job: Job) -> None:
        claimed = jobs.claim(job.pk)
        assert claimed is not None
        jobs.stop(job)
        jobs.fail(claimed, cause="It broke.", advice="")
        assert not Job.objects.get().cancel_requested

    def test_of_two_retries_at_once_the_later_finds_that_it_was_retried(
        self, job: Job, actor: Actor, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        do(handlers, raising(JobFailed("It broke.")))
        runner.run(job.pk)
        before = Job.objects.get()
        jobs.retry(actor=actor, job_id=job.pk)
        runner.run(job.pk)
        monkeypatch.setattr(jobs, "job_for", lambda *_: before)
        with pytest.raises(Conflict):
            jobs.retry(actor=actor, job_id=job.pk)

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

        def work(run: Run) -> dict[str, Any]:
            first = run.job.lease_until
            while Job.objects.get().lease_until == first:
                pass
            jobs.cancel(actor=actor_for(owner), job_id=job.pk)
            while run.stop is None:  # but for the heartbeat, it would never end
                pass
            first = Job.objects.get().lease_until
            while Job.objects.get().lease_until == first:  # it may take long to tidy up
                pass
            run.check()
            pytest.fail("The work was not stopped.")

        do(handlers, work)
        runner.run(job.pk)
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


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline


CHANGES: dict[str, Callable[[Job], Any]] = {
    "stop": jobs.stop,
    "retry": lambda job: jobs.retry(actor=actor_for(make_admin_of(job)), job_id=job.pk),
    "succeed": lambda job: jobs.succeed(job, {}),
    "put back": lambda job: jobs.put_back(job, cause="The disk is full.", advice=""),
}
STATE_BEFORE = {"stop": Job.State.PENDING, "retry": Job.State.FAILURE}


def make_admin_of(job: Job) -> User:
    assert job.organization is not None
    return make_user(job.organization, is_admin=True)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite runs one writer at a time")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", CHANGES)
def test_who_deletes_a_dataset_gets_its_jobs_while_one_of_them_is_changed(change: str) -> None:
    """As delete_dataset does it: the row of the dataset first, then those of its jobs."""
    lab = make_organization()
    dataset = make_dataset(lab, status=Dataset.Status.NOT_CONVERTED)
    job = jobs.create(kind=Job.Kind.CONVERT, organization=lab, dataset=dataset)
    Job.objects.update(state=STATE_BEFORE.get(change, Job.State.STARTED))
    job.refresh_from_db()

    def act() -> None:
        try:
            CHANGES[change](job)
        finally:
            connection.close()

    def waits_for_a_row() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return bool(cursor.fetchone()[0])

    changing = threading.Thread(target=act)
    with transaction.atomic():
        Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        changing.start()
        wait_until(waits_for_a_row)
        assert Job.objects.select_for_update(nowait=True).get(pk=job.pk)
    changing.join()
