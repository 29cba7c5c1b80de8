"""Jobs that measure anew what a dataset uses of its organization's storage."""

from typing import Any

from conversion.models import Job
from conversion.runner import Run, register
from datasets.access import Action
from datasets.models import Dataset
from datasets.services.storage_accounting import measure, used_bytes_seen_by
from sharing.access import Actor
from sharing.sizes import readable_size

from . import job_mails
from .dataset_jobs import WorkOnDataset, request_job, require_workable


def request_measuring(*, actor: Actor, dataset: Dataset) -> Job:
    """A job that measures it now, instead of once a day; for the dataset's editors."""
    require_workable(actor, dataset, Action.EDIT)
    return request_job(actor=actor, dataset=dataset, kind=Job.Kind.MEASURE_STORAGE, arguments={})


def run_measuring(run: Run) -> dict[str, Any]:
    """Walk through all that it has."""
    work = WorkOnDataset(run, Action.EDIT)
    work.report("Measuring storage")
    measure(work.dataset)
    used = used_bytes_seen_by(work.actor, [work.dataset])[work.dataset.pk]
    return {"summary": f"'{work.dataset}' uses {readable_size(used)}.", "value": used}


def after_measuring(job: Job) -> None:
    """Mail it to whoever asked, if it took long."""
    if job_mails.took_long(job):
        job_mails.notify(job)


register(Job.Kind.MEASURE_STORAGE, work=run_measuring, notify=after_measuring)
