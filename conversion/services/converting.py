"""Conversions as jobs: images become the dataset that was reserved for them.

The job may be killed at any moment and runs again; what it has written by then it finds written.
What was uploaded stays until the dataset is in use or deleted, so that a retry needs no new upload.
What was half written goes with a cancellation and with files that can't be converted; after trouble
of the site it stays for the next attempt (converting_sweeping removes it where there is none).
"""

import os
import shutil
from contextlib import suppress
from typing import Any

from django.db import transaction

from conversion.models import Job
from conversion.pipeline.progress import Progress
from conversion.pipeline.work_directory import WorkDirectory
from conversion.readers.sandbox import Sandbox
from conversion.runner import JobFailed, Run, register
from conversion.uploads.names import BadUpload
from datasets.disk.attachments import with_discovered
from datasets.disk.places import record_places
from datasets.models import Dataset
from datasets.services.data_source import change, problems, store
from datasets.services.storage_accounting import measure
from datasets.storage import local

from . import converting_sweeping, job_mails, jobs
from .converting_helping import CallForHelp, threads
from .converting_plan import Places, explained, log_lines, make_plan, options_of, places_of
from .converting_progress import ShownProgress
from .jobs import Cancelled
from .publishing import examined, remember_file


def run_conversion(run: Run) -> dict[str, Any]:
    """The job: write the dataset, make it usable, and remove what it was made of."""
    dataset = Dataset.objects.filter(pk=run.job.dataset_id).first()
    if dataset is None:
        _remove_of_deleted(run.job)
        raise Cancelled
    places = places_of(run.job, dataset)
    _remember_directory(run.job, dataset)
    is_there = os.path.lexists(places.target)
    shown = ShownProgress(run)
    try:
        if not dataset.is_active:
            if dataset.status not in Dataset.UNCONVERTED:
                raise JobFailed(
                    f"'{dataset}' can't be converted: {dataset.status}",
                    "Do what the dataset's page says, then retry.",
                )
            if not is_there:
                _write(run, dataset, places, shown)
            shown.show("Publishing")
            _publish(run, dataset, places)
            WorkDirectory(places.target).remove()  # of a worker that was killed as it published
        shown.show("Measuring storage")
        measure(dataset)
        if not Dataset.objects.filter(pk=dataset.pk).exists():  # deleted meanwhile
            raise Cancelled
    except (Cancelled, JobFailed) as end:
        with suppress(Cancelled):
            jobs.renew(run.job)  # whoever lost the job must not remove another worker's work
        work, now = WorkDirectory(places.target), Dataset.objects.filter(pk=dataset.pk).first()
        if not (isinstance(end, JobFailed) and end.is_temporary):
            work.remove()
        if now is None or (isinstance(end, Cancelled) and not (is_there or now.is_active)):
            work.remove_published()
        if now is None and places.is_uploaded:
            shutil.rmtree(places.source, ignore_errors=True)
        raise
    if places.is_uploaded:
        shown.show("Removing what was uploaded")
        shutil.rmtree(places.source, ignore_errors=True)
    shown.log_stages()
    return _result(dataset)


def _remember_directory(job: Job, dataset: Dataset) -> None:
    """Before anything is written: should the dataset be deleted, the job alone knows where."""
    job.arguments["datasetDirectoryName"] = dataset.directory_name
    Job.objects.filter(pk=job.pk, worker=job.worker).update(arguments=job.arguments)


def _remove_of_deleted(job: Job) -> None:
    """Remove what was published after the dataset was deleted, else a scan takes it in again."""
    name = job.arguments.get("datasetDirectoryName")
    if name is None or job.organization_id is None:
        return
    if not Dataset.objects.filter(organization=job.organization_id, directory_name=name).exists():
        work = WorkDirectory(local.organization_directory(job.organization_id) / name)
        work.remove()
        work.remove_published()


def _write(run: Run, dataset: Dataset, places: Places, shown: ShownProgress) -> None:
    """Write the dataset into its directory, which is there once all of it is."""
    # Its kernels take long to load, which nobody else should wait for.
    from conversion.pipeline.convert import TargetProblem, convert

    shown.show("Looking at the files")
    with Sandbox(check=run.check) as sandbox:
        finding, plan = make_plan(run.job, places, sandbox)
        for text in log_lines(finding, plan, options_of(run.job)):
            run.log(text)
        call = CallForHelp(run.job)

        def report(progress: Progress) -> None:
            if shown.show(progress.stage, progress.done_bytes, progress.total_bytes):
                if not Dataset.objects.filter(pk=dataset.pk).exists():
                    raise Cancelled
                call.send_if_due()

        try:
            with explained(places):
                convert(plan, places.target, threads=threads(), report=report)
        except TargetProblem as problem:  # workers that have not yet noticed that they lost it
            raise JobFailed(
                f"Another worker was converting '{dataset}' at the same time.",
                "Retry in some minutes.",
                is_temporary=True,
            ) from problem


def _publish(run: Run, dataset: Dataset, places: Places) -> None:
    """Make it a dataset that people can use."""
    try:
        found = examined(places.target, dataset.name)
        assert found.data_source is not None  # noqa: S101 (see examined)
        data_source = with_discovered(places.target, found.data_source)
        if wrong := problems(data_source):
            raise BadUpload(" ".join(wrong))
    except BadUpload as error:
        raise JobFailed(
            f"What lies in the dataset's directory can't be used. {error}",
            f"Ask the operator to move '{places.target.name}' away, then retry.",
        ) from error
    with transaction.atomic():
        locked = Dataset.objects.select_for_update(no_key=True).filter(pk=dataset.pk).first()
        if locked is None:  # deleted just now
            raise Cancelled
        # Whoever lost the job has no say any more. Whoever cancels it waits for the dataset's row,
        # and is then too late (jobs.stop).
        jobs.renew(run.job)
        store(locked, data_source)
        record_places(locked, found.places)
        change(locked, status="")
        remember_file(locked, places.target)
    dataset.refresh_from_db()


def _result(dataset: Dataset) -> dict[str, Any]:
    layers = list(dataset.layers.values_list("name", flat=True))
    named = ", ".join(f"'{name}'" for name in layers[:5]) + (" and more" if layers[5:] else "")
    s = "" if len(layers) == 1 else "s"
    return {"summary": f"Converted {len(layers)} layer{s}: {named}.", "layers": layers}


def after_conversion(job: Job) -> None:
    """Tidy up where no worker came to it, and tell the owner, once the job is over."""
    if job.dataset is None:
        _remove_of_deleted(job)
    elif job.state == Job.State.CANCELLED:
        converting_sweeping.remove_work(job.dataset)
    job_mails.notify(job)


register(Job.Kind.CONVERT, work=run_conversion, notify=after_conversion)
