"""Signs of life of the worker, for operators: also where it has no job for a long time."""

from datetime import datetime

from django.core.cache import cache
from django.db.models import Max
from django.utils import timezone

from conversion.models import Job

KEY = "worker-last-heard-of"


def note() -> None:
    """The worker that calls this lives."""
    cache.set(KEY, timezone.now(), timeout=None)


def last_heard_of() -> datetime | None:
    """When a worker last noted that it lives, or renewed or ended a job: one that has a long job
    does nothing else meanwhile. None where there never was a sign.
    """
    marks = Job.objects.aggregate(heartbeat=Max("heartbeat"), ended=Max("ended"))
    return max((mark for mark in (cache.get(KEY), *marks.values()) if mark), default=None)
