"""The state machine of jobs: every change of a Job row is one guarded update here.

    PENDING -> STARTED -> SUCCESS, FAILURE or CANCELLED; STARTED -> PENDING to be tried again;
    PENDING -> CANCELLED; FAILURE and CANCELLED -> PENDING when a person retries.

A job that waits is held by nobody: its `worker` is empty.

A worker holds a job by a lease that it renews. Each claim has its own name in `worker`, and every
update asks for it, so that a worker that lost its lease can change nothing. The broker only carries
ids: a message that comes twice, late or never does no harm.

Whoever changes a job and its dataset's row in one transaction locks the dataset first, in the order
of those who delete datasets, so that neither waits for the other.
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

from conversion.access import job_for, require_retry
from conversion.models import Job, JobLogLine
from datasets.models import Dataset
from datasets.properties.sentences import printable
from sharing.access import Actor
from sharing.errors import Conflict
from sharing.models import Organization, User

from .shown_work import show

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
ATTEMPTS = 3
_FIRST_DELAY = timedelta(seconds=30)
_NO_PROGRESS = {
    "stage": "",
    "percentage": None,
    "message": "",
    "bytes_per_second": None,
    "seconds_left": None,
}
# Kinds that may take hours have a queue and workers of their own: uploads, scans and mails must not
# wait behind them.
LONG_KINDS = frozenset(
    {
        Job.Kind.CONVERT,
        Job.Kind.FIND_LARGEST_SEGMENT_ID,
        Job.Kind.COMPUTE_MISSING_MAGS,
        Job.Kind.CHANGE_FORMAT,
        Job.Kind.EXPORT_TIFF,
    }
)
LONG_QUEUE = "long"


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
    dispatch(job)
    return job


def dispatch(job: Job, delay: timedelta = timedelta()) -> None:
    """Tell the workers of a job, once the transaction has committed."""

    queue = LONG_QUEUE if job.kind in LONG_KINDS else None
    _send_after_commit("run_job", job, countdown=delay.total_seconds() or None, queue=queue)


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
        cause="",
        advice="",
        **_NO_PROGRESS,
    )
    return Job.objects.get(pk=job_id) if claimed else None


def renew(job: Job) -> None:
    """Hold the job for another lease. Raises LeaseLost, Cancelled."""
    now, was_missed = timezone.now(), job.waits_for_worker
    with transaction.atomic():
        if was_missed:
            _lock_dataset(job)
        _write_held(job, heartbeat=now, lease_until=now + LEASE)
        if was_missed:
            show(job)
    require_wanted(job)


def require_wanted(job: Job) -> None:
    """Raises Cancelled once somebody has cancelled the job."""
    if Job.objects.filter(pk=job.pk, cancel_requested=True).exists():
        raise Cancelled


def progress(
    job: Job,
    *,
    stage: str,
    percentage: float | None,
    message: str,
    bytes_per_second: float | None = None,
    seconds_left: float | None = None,
) -> None:
    """Show how far the job is, also on its dataset's row. Raises LeaseLost."""
    with transaction.atomic():
        _lock_dataset(job)
        _write_held(
            job,
            stage=stage[:64],
            percentage=percentage,
            message=message[:512],
            bytes_per_second=bytes_per_second,
            seconds_left=seconds_left,
        )
        show(job)


def log(job: Job, text: str, *, is_problem: bool = False) -> None:
    """Add a line to the job's log."""
    JobLogLine.objects.create(job=job, text=printable(text), is_problem=is_problem)


def succeed(job: Job, result: dict[str, Any]) -> None:
    """The work is done; the result's `summary`, if any, is its last message. Raises LeaseLost.

    Who cancelled it meanwhile came too late.
    """
    message = str(result.get("summary", ""))[:512]
    _finish(
        job,
        state=Job.State.SUCCESS,
        result=result,
        percentage=100,
        message=message,
    )


def fail(job: Job, *, cause: str, advice: str, asks: dict[str, Any] | None = None) -> None:
    """The work can't be done: why, and what to do, in sentences; and which arguments a person has
    to give. The last line of the log says it, too. Raises LeaseLost.
    """
    result = {"asks": asks} if asks else {}
    with transaction.atomic():
        _finish(job, state=Job.State.FAILURE, cause=cause, advice=advice, result=result)
        log(job, f"{cause} {advice}".strip(), is_problem=not asks)


def acknowledge_cancel(job: Job) -> None:
    """The worker has stopped because somebody cancelled the job. Raises LeaseLost."""
    _finish(job, state=Job.State.CANCELLED)


def put_back(job: Job, *, cause: str, advice: str, wait: bool = True) -> None:
    """A temporary fault: try again later, or give up after the last attempt. Raises LeaseLost.

    Without `wait` the job is due at once.
    """
    delay = _FIRST_DELAY * 10 ** (job.attempt - 1) if wait else timedelta()
    with transaction.atomic():
        _, row = locked(job)
        if row is not None and row.cancel_requested:
            acknowledge_cancel(job)
        elif job.attempt >= job.max_attempts:
            fail(job, cause=cause, advice=advice)
        else:
            log(job, f"Attempt {job.attempt} failed: {cause}", is_problem=True)
            _let_wait(job, cause, delay)


def hand_back(job: Job) -> None:
    """The worker is being stopped: another may go on at once, and this was no attempt. Raises
    LeaseLost.
    """
    with transaction.atomic():
        _, row = locked(job)
        if row is not None and row.cancel_requested:
            _finish(job, state=Job.State.CANCELLED, worker="")
            _send_after_commit("look_after_jobs")
            return
        cause = "The worker was stopped."
        log(job, f"{cause} Another goes on with the job.")
        _let_wait(job, cause, timedelta(), max_attempts=job.max_attempts + 1)


def cancel(*, actor: Actor, job_id: str) -> Job:
    """Cancel a job: at once where it waits, else as soon as its worker notices.

    Raises Conflict where it is over already, and for a conversion whose dataset is there by now.
    """
    job = job_for(actor, job_id)
    was_over = job.is_final
    if not was_over:
        stop(job)
        job.refresh_from_db()
    if was_over or (job.is_final and job.state != Job.State.CANCELLED):
        raise Conflict(f"This job can't be cancelled: it is {job.get_state_display()}.")
    return job


def stop(job: Job) -> bool:
    """End the job where it waits, else ask its worker to; whether it is over.

    Raises Conflict for a conversion whose dataset is there by now: what is left is only to measure
    it and to tidy up, and a cancelled job would say that there is none.
    """
    with transaction.atomic():
        dataset, row = locked(job)
        if row is None or row.is_final:
            return True
        if job.kind == Job.Kind.CONVERT and dataset is not None and dataset.is_active:
            raise Conflict(
                f"This job can't be cancelled any more: '{dataset}' is converted and can be used. "
                "Delete it if it is not wanted."
            )
        asked = Job.objects.filter(pk=job.pk)
        if row.state == Job.State.STARTED:
            asked.update(cancel_requested=True)
            return False
        asked.update(state=Job.State.CANCELLED, cancel_requested=True, ended=timezone.now())
        job.state = Job.State.CANCELLED
        show(job)
        _send_after_commit("look_after_jobs")  # no worker has it that would tidy up
        return True


def retry(*, actor: Actor, job_id: str, answers: dict[str, Any] | None = None) -> Job:
    """Try a failed or cancelled job again, with these arguments instead of those of that name.

    Raises Conflict where it is neither or its dataset is gone, NotAllowed for somebody who retried
    it once already and changes nothing.
    """
    job = job_for(actor, job_id)
    if job.lost_its_dataset:
        raise Conflict("This job can't be retried: its dataset was deleted.")
    if job.state in (Job.State.FAILURE, Job.State.CANCELLED) and not answers:
        require_retry(actor, job)
    now = timezone.now()
    try:
        with transaction.atomic():
            _lock_dataset(job)
            ended = Job.objects.filter(pk=job.pk, ended=job.ended)  # not retried since we looked
            if not ended.filter(state__in=[Job.State.FAILURE, Job.State.CANCELLED]).update(
                state=Job.State.PENDING,
                arguments={**job.arguments, **(answers or {})},
                attempt=0,  # a person's word begins anew
                max_attempts=ATTEMPTS,
                not_before=now,
                retried=now,
                cancel_requested=False,
                worker="",
                lease_until=None,
                ended=None,
                notified=None,
                cause="",
                advice="",
                **_NO_PROGRESS,
            ):
                job.refresh_from_db()
                raise Conflict(f"This job can't be retried: it is {job.get_state_display()}.")
            job.refresh_from_db()
            show(job)
            dispatch(job)
    except IntegrityError as error:
        raise Conflict(
            "Another job that does the same, or changes the same dataset, waits already or is "
            "running. Retry once it is over."
        ) from error
    return job


def locked(job: Job) -> tuple[Dataset | None, Job | None]:
    """The rows of the job's dataset and of the job, kept from others until the transaction ends."""
    dataset = _lock_dataset(job)
    return dataset, Job.objects.select_for_update(no_key=True).filter(pk=job.pk).first()


def mark_told(job: Job) -> bool:
    """Note that people were told how the job ended; whether nobody had noted it. Mails are posted
    in the same transaction, so that they neither get lost nor go out twice.
    """
    untold = Job.objects.filter(pk=job.pk, ended=job.ended, notified=None)
    return bool(untold.update(notified=timezone.now()))


def _finish(job: Job, **values: Any) -> None:
    # How far it was says nothing once it is over, nor does a cancellation that came too late.
    values = {**_NO_PROGRESS, "percentage": job.percentage, **values}
    if values["state"] != Job.State.CANCELLED:
        values["cancel_requested"] = False
    with transaction.atomic():
        _lock_dataset(job)
        _write_held(job, ended=timezone.now(), lease_until=None, **values)
        show(job)


def _let_wait(job: Job, cause: str, delay: timedelta, **values: Any) -> None:
    """Let another claim take the job, at once or after a while; the dataset is locked."""
    _write_held(
        job,
        state=Job.State.PENDING,
        not_before=timezone.now() + delay,
        lease_until=None,
        worker="",
        **_NO_PROGRESS | {"message": cause[:512]} | values,
    )
    show(job)
    # A second later than due: clocks differ, and a claim before its time is refused.
    dispatch(job, delay + timedelta(seconds=1) if delay else delay)


def _send_after_commit(task: str, job: Job | None = None, **options: Any) -> None:
    def send() -> None:
        try:
            arguments = [job.pk] if job else []
            current_app.send_task(f"conversion.tasks.{task}", arguments, **options)
        except Exception:  # whatever the broker raises: the watchdog comes round by itself
            logger.warning("the broker took no message %s %s", task, job, exc_info=True)

    transaction.on_commit(send)


def _lock_dataset(job: Job) -> Dataset | None:
    """Keep others from the row of the job's dataset, if any, until the transaction ends."""
    return Dataset.objects.select_for_update(no_key=True).filter(pk=job.dataset_id).first()


def _write_held(job: Job, **values: Any) -> None:
    """Write to the row as long as this claim holds it."""
    if not Job.objects.filter(pk=job.pk, state=Job.State.STARTED, worker=job.worker).update(
        **values
    ):
        raise LeaseLost
    for name, value in values.items():
        setattr(job, name, value)
