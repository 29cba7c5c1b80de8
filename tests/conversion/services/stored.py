"""Datasets on a site that tools work on, and running the jobs that were asked for."""

from pathlib import Path
from typing import Any

from conversion import runner
from conversion.models import Job
from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from sharing.models import Organization
from tests.conversion.tools import datasets_made as made


def take_in(binary_data: Path, lab: Organization, name: str = "brain", **options: Any) -> Dataset:
    """A dataset in the organization's directory, as a scan finds it."""
    made.make(binary_data / lab.pk / name, **options)
    scan_organization(lab)
    dataset = Dataset.objects.get(organization=lab, directory_name=name)
    assert dataset.is_active, dataset.status
    return dataset


def directory_of(binary_data: Path, dataset: Dataset) -> Path:
    return binary_data / dataset.organization_id / dataset.directory_name


def run(job: Job) -> Job:
    """Do the job as a worker does."""
    runner.run(job.pk)
    job.refresh_from_db()
    return job


def succeeded(job: Job) -> Job:
    run(job)
    assert job.state == Job.State.SUCCESS, f"{job.cause} {job.advice}"
    return job
