"""The state machine of jobs: every change of a Job row is one guarded update here.

    PENDING -> STARTED -> SUCCESS, FAILURE or CANCELLED; STARTED -> PENDING to be tried again;
    PENDING -> CANCELLED; FAILURE and CANCELLED -> PENDING when a person retries.

A worker holds a job by a lease that it renews. Each claim has its own name in `worker`, and every
update asks for it, so that a worker that lost its lease can change nothing. The broker only carries
ids: a message that comes twice, late or never does no harm.
"""

import logging
import os
import secrets
import socket
from datetime import timedelta
from typing import Any

from celery import current_app
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from conversion.access import job_for
from conversion.models import Job, JobLogLine
from datasets.models import Dataset
from sharing.access import Actor
from sharing.errors import Conflict
from sharing.models import Organization, User

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
# A job that nobody claimed for that long after it was due has lost its message.
LOST_MESSAGE = timedelta(minutes=2)
ATTEMPTS = 3
_FIRST_DELAY = timedelta(seconds=30)
_NO_PROGRESS = {"job_stage": "", "job_percentage": None, "job_message": ""}


class LeaseLost(Exception):
    """Another worker may have the job by now: stop, and write nothing more."""


class Cancelled(Exception):
    """Somebody cancelled the job: stop."""


def create(
    *,
    kind: Job.Kind,
    organization: Organization | None,
    owner: User | None = None,
    dataset: Dataset | None = None,
    arguments: dict[str, Any] | None = None,
) -> Job:
    """A job that waits for a worker, which is told of it once the transaction has committed."""
    job = Job.objects.create(
        kind=kind,
        organization=organization,
        owner=owner,
        dataset=dataset,
        arguments=arguments or {},
        max_attempts=ATTEMPTS,
    )
    dispatch(job.pk)
    return job


def dispatch(job_id: str, delay: timedelta = timedelta()) -> None:
    """Tell the workers of a job, once the transaction has committed."""

    def send() -> None:
        try:
            current_app.send_task(
                "conversion.tasks.run_job", [job_id], countdown=delay.total_seconds() or None
            )
        except Exception:  # whatever the broker raises: the watchdog tells them later
            logger.warning("the broker took no message about job %s", job_id, exc_info=True)

    transaction.on_commit(send)


def claim(job_id: str) -> Job | None:
    """The job, now held by the caller; None where it is not due, taken, or over."""
    now = timezone.now()
    worker = f"{socket.gethostname()[:64]}:{os.getpid()}:{secrets.token_hex(8)}"
    claimed = Job.objects.filter(pk=job_id, state=Job.State.PENDING, not_before__lte=now).update(
        state=Job.State.STARTED,
        worker=worker,
        attempt=F("attempt") + 1,
        started=Coalesce(F("started"), now),
        ended=None,
        heartbeat=now,
        lease_until=now + LEASE,
        stage="",
        percentage=None,
        message="",
        cause="",
        advice="",
    )
    return Job.objects.get(pk=job_id) if claimed else None


def renew(job: Job) -> None:
    """Hold the job for another lease. Raises LeaseLost, Cancelled."""
    now = timezone.now()
    _write_held(job, heartbeat=now, lease_until=now + LEASE)
    if Job.objects.filter(pk=job.pk, cancel_requested=True).exists():
        raise Cancelled


def progress(job: Job, *, stage: str, percentage: float | None, message: str) -> None:
    """Show how far the job is, also on its dataset's row. Raises LeaseLost."""
    shown = {"stage": stage[:64], "percentage": percentage, "message": message[:512]}
    _write_held(job, **shown)
    if job.dataset_id:
        Dataset.objects.filter(pk=job.dataset_id).update(
            **{f"job_{name}": value for name, value in shown.items()}
        )


def log(job: Job, text: str, *, is_problem: bool = False) -> None:
    """Add a line to the job's log."""
    JobLogLine.objects.create(job=job, text=text, is_problem=is_problem)


def succeed(job: Job, result: dict[str, Any]) -> None:
    """The work is done. Raises LeaseLost."""
    _finish(job, state=Job.State.SUCCESS, result=result, percentage=100)


def fail(job: Job, *, cause: str, advice: str) -> None:
    """The work can't be done: why, and what to do, in sentences. Raises LeaseLost."""
    _finish(job, state=Job.State.FAILURE, cause=cause, advice=advice)


def acknowledge_cancel(job: Job) -> None:
    """The worker has stopped because somebody cancelled the job. Raises LeaseLost."""
    _finish(job, state=Job.State.CANCELLED)


def put_back(job: Job, *, cause: str, advice: str, wait: bool = True) -> None:
    """A temporary fault: try again later, or give up after the last attempt. Raises LeaseLost.

    Without `wait` the job is due at once.
    """
    if Job.objects.filter(pk=job.pk, cancel_requested=True).exists():
        acknowledge_cancel(job)
        return
    if job.attempt >= job.max_attempts:
        fail(job, cause=cause, advice=advice)
        return
    delay = _FIRST_DELAY * 2 ** (job.attempt - 1) if wait else timedelta()
    with transaction.atomic():
        log(job, f"Attempt {job.attempt} failed: {cause}", is_problem=True)
        _write_held(
            job,
            state=Job.State.PENDING,
            not_before=timezone.now() + delay,
            lease_until=None,
            worker="",
            message=cause[:512],
        )
        # A second later than due: clocks differ, and a claim before its time is refused.
        dispatch(job.pk, delay + timedelta(seconds=1) if wait else delay)


def cancel(*, actor: Actor, job_id: str) -> Job:
    """Cancel a job: at once where it waits, else as soon as its worker notices.

    Raises Conflict where it is over already.
    """
    job = job_for(actor, job_id)
    with transaction.atomic():
        is_over = Job.objects.filter(pk=job.pk, state=Job.State.PENDING).update(
            state=Job.State.CANCELLED, cancel_requested=True, ended=timezone.now()
        )
        if is_over:
            _clear_progress(job)
        elif not Job.objects.filter(pk=job.pk, state=Job.State.STARTED).update(
            cancel_requested=True
        ):
            raise Conflict(f"This job can't be cancelled: it is {job.get_state_display()}.")
    job.refresh_from_db()
    return job


def retry(*, actor: Actor, job_id: str) -> Job:
    """Try a failed or cancelled job again. Raises Conflict where it is neither."""
    job = job_for(actor, job_id)
    try:
        with transaction.atomic():
            if not Job.objects.filter(
                pk=job.pk, state__in=[Job.State.FAILURE, Job.State.CANCELLED]
            ).update(
                state=Job.State.PENDING,
                max_attempts=F("attempt") + ATTEMPTS,
                not_before=timezone.now(),
                cancel_requested=False,
                worker="",
                lease_until=None,
                ended=None,
                notified=None,
                cause="",
                advice="",
            ):
                raise Conflict(f"This job can't be retried: it is {job.get_state_display()}.")
            dispatch(job.pk)
    except IntegrityError as error:
        raise Conflict("Another scan of the same directory waits already.") from error
    job.refresh_from_db()
    return job


def look_after() -> list[Job]:
    """The watchdog: put back jobs whose worker is gone, and tell the workers again of jobs whose
    message got lost. The jobs that it had to end, for their people to be told.
    """
    now = timezone.now()
    ended = []
    for job in Job.objects.lost():
        try:
            if _take_from_lost_worker(job):
                ended.append(job)
        except LeaseLost:
            continue  # another watchdog, or the worker after all, was faster
    overdue = now - LOST_MESSAGE
    for job in Job.objects.filter(state=Job.State.PENDING, not_before__lt=overdue):
        with transaction.atomic():
            if Job.objects.filter(
                pk=job.pk, state=Job.State.PENDING, not_before=job.not_before
            ).update(not_before=now):
                dispatch(job.pk)
    return ended


def _take_from_lost_worker(job: Job) -> bool:
    """Whether the job is over."""
    watchdog = f"watchdog:{secrets.token_hex(8)}"
    if not (
        Job.objects.lost()
        .filter(pk=job.pk, worker=job.worker)
        .update(worker=watchdog, lease_until=timezone.now() + LEASE)
    ):
        raise LeaseLost
    job.worker = watchdog
    put_back(
        job,
        cause=f"The worker stopped without finishing, on attempt {job.attempt}.",
        advice="It may have run out of memory or been restarted. Retry; if it happens again, "
        "ask the operator to look at the worker's log.",
        wait=False,
    )
    return job.is_final


def _finish(job: Job, **values: Any) -> None:
    with transaction.atomic():
        _write_held(job, ended=timezone.now(), lease_until=None, **values)
        _clear_progress(job)


def _clear_progress(job: Job) -> None:
    if job.dataset_id:
        Dataset.objects.filter(pk=job.dataset_id).update(**_NO_PROGRESS)


def _write_held(job: Job, **values: Any) -> None:
    """Write to the row as long as this claim holds it."""
    if not Job.objects.filter(pk=job.pk, state=Job.State.STARTED, worker=job.worker).update(
        **values
    ):
        raise LeaseLost
    for name, value in values.items():
        setattr(job, name, value)
