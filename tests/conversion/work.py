"""Ways to make the work of jobs do what a test needs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from conversion.models import Job
from conversion.runner import Handler, Run

Handlers = dict[str, Handler]


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
