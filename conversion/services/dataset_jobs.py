"""What jobs on a dataset that is there have in common: asking for one, and doing it as its owner.

Whoever asks must be of the dataset's organization, whose workers and storage the job takes. The
right is asked for again when the job runs, which may be long after.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import transaction

from conversion.models import Job
from conversion.runner import JobFailed, Run
from conversion.tools.opened import OpenedDataset
from conversion.tools.problem import ToolProblem
from datasets.access import Action, require
from datasets.models import Dataset, DataStore
from datasets.services.data_source import load
from datasets.storage import local
from sharing.access import Actor, actor_for
from sharing.errors import Conflict, Invalid, NotAllowed
from sharing.models import User

from . import jobs
from .converting_progress import ShownProgress

CHANGING = (Job.Kind.COMPUTE_MISSING_MAGS, Job.Kind.CHANGE_FORMAT)
"""Kinds that write into a dataset; one at a time does, which a constraint of Job makes sure of."""
_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS}


def require_workable(actor: Actor, dataset: Dataset, action: Action) -> None:
    """Raise NotFound or NotAllowed for people who may not have the dataset worked on, Conflict for
    a dataset that can't be.
    """
    require(actor, action, dataset)
    if not actor.belongs_to(dataset.organization_id):
        raise NotAllowed(
            f"Only people of the organization that '{dataset}' belongs to may have work done on it."
        )
    if not dataset.is_active:
        raise Conflict(f"'{dataset}' can't be worked on: {dataset.status}")
    if dataset.data_store_id != DataStore.LOCAL:
        raise Conflict(f"The data of '{dataset}' lies on another machine.")


def request_job(
    *, actor: Actor, dataset: Dataset, kind: Job.Kind, arguments: dict[str, Any]
) -> Job:
    """A job of the actor's on the dataset; one that waits or runs for the same is joined.

    Raises Conflict where another job is changing the dataset and this one would, too.
    """
    owner = User.objects.get(pk=actor.user_id)
    with transaction.atomic():
        # Two requests at once take turns.
        Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        unfinished = Job.objects.filter(dataset=dataset).unfinished()
        same = unfinished.filter(kind=kind, owner=owner, arguments=arguments).first()
        if same is not None:
            return same
        if kind in CHANGING and (other := unfinished.filter(kind__in=CHANGING).first()):
            raise Conflict(
                f"'{dataset}' is being changed by another job ({other.get_kind_display()}). Wait "
                "until it is over."
            )
        return jobs.create(
            kind=kind,
            organization=dataset.organization,
            owner=owner,
            dataset=dataset,
            arguments=arguments,
        )


class WorkOnDataset:
    """A job in the hands of its work: the dataset, opened, and its owner's rights."""

    def __init__(self, run: Run, action: Action) -> None:
        """Raises JobFailed where the dataset or its owner is gone, and as require_workable does."""
        job = run.job
        if job.dataset is None or job.owner is None or not job.owner.is_active:
            raise JobFailed("The dataset, or who asked for this, is not there any more.")
        self.dataset = job.dataset
        self.actor = actor_for(job.owner)
        require_workable(self.actor, self.dataset, action)
        self.opened = opened(self.dataset)
        self.arguments: dict[str, Any] = job.arguments
        self._job = job
        self._shown = ShownProgress(run)

    def report(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Show how far it is. Raises Cancelled, LeaseLost."""
        self._shown.show(stage, done, total)

    def require_held(self) -> None:
        """Ask for this before the dataset changes. Raises LeaseLost, Cancelled."""
        jobs.renew(self._job)


def opened(dataset: Dataset) -> OpenedDataset:
    """The dataset for the tools, which then open no more than the site does."""
    directory = local.dataset_directory(dataset)
    return OpenedDataset(
        directory,
        load(dataset),
        locate=partial(local.resolve_mag_path, directory),
        may_read=partial(local.may_read, directory),
    )


@contextmanager
def asking() -> Iterator[None]:
    """Around a request: what a tool finds wrong with it is the answer. Raises Invalid."""
    try:
        yield
    except ToolProblem as problem:
        raise Invalid(problem.cause, *([problem.advice] if problem.advice else [])) from problem


@contextmanager
def explained() -> Iterator[None]:
    """Around the work of a job: what a tool says of the data ends it. Raises JobFailed."""
    try:
        yield
    except ToolProblem as problem:
        raise JobFailed(problem.cause, problem.advice) from problem
    except OSError as error:
        if error.errno not in _NOT_WRITABLE:
            raise
        raise JobFailed(
            "The site may not write into the dataset's directory.",
            "Ask the operator to grant it the right to, then retry.",
        ) from error
