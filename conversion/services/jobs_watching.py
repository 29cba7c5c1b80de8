"""The watchdog of jobs: what lost its worker or its message goes on, or ends."""

import secrets
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from conversion.models import Job
from conversion.models.job import LATE

from . import jobs
from .shown_work import show

# A job that nobody claimed for that long after it was due has lost its message.
LOST_MESSAGE = timedelta(minutes=2)


def look_after(kinds: Collection[str]) -> list[Job]:
    """Put back jobs whose worker is gone, and tell the workers again of those whose message got
    lost. The jobs that had to be ended, for their people to be told.

    `kinds` are those that workers can do; jobs of others wait until they can.
    """
    now = timezone.now()
    ended = []
    for job in Job.objects.filter(state=Job.State.STARTED, heartbeat__lt=now - LATE):
        with transaction.atomic():
            _, row = jobs.locked(job)
            if row is not None and row.waits_for_worker:
                show(row)
    for job in Job.objects.lost():
        try:
            if _take_from_lost_worker(job):
                ended.append(job)
        except jobs.LeaseLost:
            continue  # another watchdog, or the worker after all, was faster
    overdue = now - LOST_MESSAGE
    waiting = Job.objects.filter(state=Job.State.PENDING, kind__in=kinds)
    for job in waiting.filter(not_before__lt=overdue):
        with transaction.atomic():
            if Job.objects.filter(
                pk=job.pk, state=Job.State.PENDING, not_before=job.not_before
            ).update(not_before=now):
                jobs.dispatch(job)
    return ended


def _take_from_lost_worker(job: Job) -> bool:
    """Whether the job is over."""
    watchdog = f"watchdog:{secrets.token_hex(8)}"
    if not (
        Job.objects.lost()
        .filter(pk=job.pk, worker=job.worker)
        .update(worker=watchdog, lease_until=timezone.now() + jobs.LEASE)
    ):
        raise jobs.LeaseLost
    job.worker = watchdog
    jobs.put_back(
        job,
        cause="The worker stopped without finishing.",
        advice="It may have run out of memory or been restarted. Retry; if it happens again, "
        "ask the operator to look at the worker's log.",
        wait=False,
    )
    return job.is_final
