"""What nobody goes on with goes, and nothing else."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from conversion.models import Job, Upload
from conversion.services.uploads_sweeping import sweep
from datasets.models import Dataset
from tests.conversion.uploading import Sender, left_behind, run_waiting_jobs
from tests.factories import make_dataset

FILES = {"a.bin": b"x" * 500}


@pytest.fixture
def sender(uploader: Any, nobody_waits: None) -> Sender:
    sender = Sender(uploader)
    assert sender.reserve(FILES).status_code == 200
    sender.send(FILES)
    return sender


def long_ago(directory: Path) -> None:
    then = time.time() - 3 * 3600
    for path in (directory, *directory.rglob("*")):
        os.utime(path, (then, then))


def not_touched_for(sender: Sender, **time: float) -> None:
    Upload.objects.filter(pk=sender.row.pk).update(last_activity=timezone.now() - timedelta(**time))


def test_an_upload_that_goes_on_stays(sender: Sender, organization_directory: Path) -> None:
    long_ago(organization_directory)
    not_touched_for(sender, days=13)
    sweep()
    assert sender.row.state == Upload.State.RESERVED
    assert sender.has("a.bin")
    assert Dataset.objects.count() == 1


def test_an_expired_upload_goes_and_its_room_is_free(
    sender: Sender, organization_directory: Path
) -> None:
    not_touched_for(sender, days=15)
    sweep()
    assert sender.row.state == Upload.State.CANCELLED
    assert (Dataset.objects.count(), left_behind(organization_directory)) == (0, [])
    assert not Upload.objects.taking_room().exists()


def test_an_upload_without_its_dataset_goes(sender: Sender, organization_directory: Path) -> None:
    Dataset.objects.all().delete()
    assert sender.chunk("a.bin", FILES["a.bin"]).status_code == 404
    sweep()
    assert sender.row.state == Upload.State.CANCELLED
    assert left_behind(organization_directory) == []


def test_files_of_no_upload_go_after_an_hour(sender: Sender, organization_directory: Path) -> None:
    orphan = organization_directory / ".uploading" / ("f" * 24)
    orphan.mkdir()
    (orphan / "data").write_bytes(b"x")
    sweep()
    assert orphan.exists()
    long_ago(orphan)
    sweep()
    assert not orphan.exists()
    assert sender.has("a.bin")


def test_a_dataset_that_waits_for_no_upload_goes_after_an_hour(sender: Sender) -> None:
    lost = make_dataset(
        sender.row.organization,
        status=Dataset.Status.NOT_UPLOADED,
        creation_type=Dataset.CreationType.UPLOAD,
    )
    sweep()
    assert Dataset.objects.filter(pk=lost.pk).exists()
    Dataset.objects.update(created=timezone.now() - timedelta(hours=2))
    sweep()
    assert list(Dataset.objects.all()) == [sender.row.dataset]


def test_originals_go_with_their_dataset(
    uploader: Any, nobody_waits: None, organization_directory: Path
) -> None:
    sender = Sender(uploader)
    sender.upload(FILES, needsConversion=True, voxelSizeFactor=[1, 1, 1])
    run_waiting_jobs()
    assert Upload.objects.taking_room().exists()
    long_ago(organization_directory)
    sweep()
    assert left_behind(organization_directory / ".forConversion") != []
    Dataset.objects.all().delete()
    sweep()
    assert left_behind(organization_directory) == []
    assert Job.objects.get(kind="convert_to_wkw").state == Job.State.CANCELLED
    assert not Upload.objects.taking_room().exists()


def test_a_job_that_vanished_lets_the_upload_be_finished_again(
    sent: Sender,
) -> None:
    Job.objects.all().delete()
    sweep()
    assert sent.row.state == Upload.State.RESERVED
    sent.finish()
    run_waiting_jobs()
    assert sent.finish().status_code == 200
