"""Workers that have nothing to do help with a conversion: its owner calls, whoever is free comes.

A call that comes late, twice or never does no harm. A helper makes the plan for itself, takes
columns that nobody is at, and goes when the job is over or somebody else's job waits.
"""

import logging
import os
import time
from datetime import timedelta

from celery import current_app
from django.conf import settings
from django.utils import timezone

from conversion.models import Job
from conversion.pipeline.progress import Progress
from conversion.readers.sandbox import Sandbox
from conversion.runner import JobFailed

from .converting_plan import explained, make_plan, places_of
from .jobs import LONG_KINDS, LONG_QUEUE

# The first calls come soon; somebody who is busy with something short may come to a later one.
_FIRST_CALL = 5.0
_LONGEST_PAUSE = 300.0
_LOOK_SECONDS = 2.0

logger = logging.getLogger(__name__)


class NoLongerNeeded(Exception):
    """The job is over, or another one waits for a worker."""


class CallForHelp:
    """Calls the other workers, again and again in longer and longer pauses."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._pause = _FIRST_CALL
        self._next = time.monotonic() + self._pause

    def send_if_due(self) -> None:
        """Call now, if it is time and no other job needs the workers more."""
        if time.monotonic() < self._next:
            return
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._next = time.monotonic() + self._pause
        if _others_wait():
            return
        try:
            current_app.send_task(
                "conversion.tasks.help_convert",
                [self._job.pk],
                queue=LONG_QUEUE,
                expires=self._pause,
            )
        except Exception:  # whatever the broker raises: it works without help
            logger.warning("nobody could be called to help with job %s", self._job.pk)


def help_convert(job_id: str) -> None:
    """Help with the conversion as long as there is something to do."""
    # Its kernels take long to load, which nobody else should wait for.
    from conversion.pipeline import convert

    job = _wanted(job_id)
    if job is None or job.dataset is None:
        return
    places = places_of(job, job.dataset)
    looked_at = time.monotonic()

    def report(_: Progress) -> None:
        nonlocal looked_at
        if time.monotonic() < looked_at + _LOOK_SECONDS:
            return
        looked_at = time.monotonic()
        if _wanted(job_id) is None or _others_wait():
            raise NoLongerNeeded

    try:
        with Sandbox() as sandbox:
            _, plan = make_plan(job, places, sandbox)
            with explained(places):
                convert.help(plan, places.target, threads=threads(), report=report)
    except NoLongerNeeded:
        return
    except (JobFailed, OSError) as error:  # the owner meets it too, and has the words for people
        logger.warning("no help with job %s: %s", job_id, error)


def threads() -> int:
    """How many threads a worker may use, so that those of one machine share its cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max((cores or 1) // settings.ENVIRONMENT.converter_processes, 1)


def _wanted(job_id: str) -> Job | None:
    """The job, while it is running and nobody has cancelled it."""
    running = Job.objects.filter(pk=job_id, kind=Job.Kind.CONVERT, state=Job.State.STARTED)
    return running.filter(cancel_requested=False).select_related("dataset").first()


def _others_wait() -> bool:
    """Whether a long job is due that nobody has taken yet."""
    due = timezone.now() - timedelta(seconds=_LOOK_SECONDS)
    waiting = Job.objects.filter(state=Job.State.PENDING, kind__in=LONG_KINDS)
    return waiting.filter(not_before__lt=due).exists()
