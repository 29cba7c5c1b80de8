"""Exports of a box as TIFF: what they hold, for whom, how long, and how much."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tifffile
from django.core.files.storage import default_storage
from django.utils import timezone

from conversion.models import Job
from conversion.services import exporting, jobs
from conversion.services.exporting import ExportGone, open_export, request_export
from datasets.models import Dataset
from datasets.properties import BoundingBox
from sharing.access import actor_for
from sharing.errors import Conflict, Invalid, NotFound
from sharing.models import Organization, User
from tests.conversion.services.stored import directory_of, run, succeeded, take_in
from tests.conversion.tools import datasets_made as made
from tests.factories import make_user

BOX = BoundingBox.of((5, 6, 7), (40, 30, 20))


class DiskUsage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def admin(lab: Organization) -> User:
    return make_user(lab, is_admin=True)


@pytest.fixture
def dataset(binary_data: Path, lab: Organization) -> Dataset:
    return take_in(binary_data, lab)


def test_a_box_becomes_a_tiff_that_its_owner_alone_downloads(
    dataset: Dataset, binary_data: Path, admin: User, lab: Organization
) -> None:
    job = succeeded(request_export(actor=actor_for(admin), dataset=dataset, box=BOX))

    name, contents = open_export(actor=actor_for(admin), job_id=job.pk)
    with contents, tifffile.TiffFile(contents) as tiff:
        stack = tiff.asarray()
    expected = made.read(directory_of(binary_data, dataset))[0, 7:27, 6:36, 5:45]
    assert np.array_equal(stack, expected)
    assert name == "brain_color_1_5_6_7.tif"
    assert job.result["download"] == f"/jobs/{job.pk}/export"
    with pytest.raises(NotFound):
        open_export(actor=actor_for(make_user(lab, is_admin=True)), job_id=job.pk)


def test_an_export_is_kept_for_a_week(dataset: Dataset, admin: User) -> None:
    job = succeeded(request_export(actor=actor_for(admin), dataset=dataset, box=BOX))
    exporting.sweep()
    assert default_storage.listdir(f"exports/{job.pk}")[1]

    Job.objects.filter(pk=job.pk).update(ended=timezone.now() - timedelta(days=8))
    with pytest.raises(ExportGone, match=r"7 days\. Export the box anew"):
        open_export(actor=actor_for(admin), job_id=job.pk)
    exporting.sweep()

    assert not default_storage.exists(f"exports/{job.pk}")


def test_a_large_export_is_refused_with_its_size(
    dataset: Dataset, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_BYTES", 1000)

    with pytest.raises(Invalid, match="Choose a smaller box"):
        request_export(actor=actor_for(admin), dataset=dataset, box=BOX)


def test_a_person_may_not_have_more_and_more_exported(
    dataset: Dataset, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_BYTES_PER_PERSON", 2 * 24_000)
    actor = actor_for(admin)

    def export(x: int) -> Job:
        box = BoundingBox.of((x, 0, 0), (40, 30, 20))
        return request_export(actor=actor, dataset=dataset, box=box)

    kept = succeeded(export(0))
    waiting = export(1)
    with pytest.raises(Conflict, match="Your exports of the last 7 days"):
        export(2)

    jobs.cancel(actor=actor, job_id=waiting.pk)
    export(2)
    Job.objects.filter(pk=kept.pk).update(ended=timezone.now() - timedelta(days=8))
    export(3)


def test_an_export_leaves_room_for_the_rest_of_the_site(
    dataset: Dataset, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk(free: int) -> Callable[[object], DiskUsage]:
        return lambda _: DiskUsage(total=10**9, used=10**9 - free, free=free)

    job = request_export(actor=actor_for(admin), dataset=dataset, box=BOX)
    monkeypatch.setattr(shutil, "disk_usage", disk(free=40_000_000))
    run(job)
    assert job.state == Job.State.FAILURE
    assert "no room" in job.cause

    jobs.retry(actor=actor_for(admin), job_id=job.pk)
    monkeypatch.setattr(shutil, "disk_usage", disk(free=60_000_000))
    succeeded(job)
