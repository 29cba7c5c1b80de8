"""The broom: what uploads that nobody goes on with, and processes that were killed, left behind."""

import contextlib
import logging
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from conversion.models import Job, Upload
from conversion.uploads.staging import DIRECTORY, ORIGINALS, Staging
from datasets.models import Dataset
from datasets.storage import local
from sharing.models import Organization

from . import jobs
from .uploads import State, cancel_upload
from .uploads_finishing import settle

# Whoever left something younger than that may be about to go on with it.
GRACE = timedelta(hours=1)

logger = logging.getLogger(__name__)


def sweep() -> None:
    """End what expired or lost its dataset, then remove what belongs to nothing any more."""
    _end_uploads()
    _remove_datasets()
    for organization_id in Organization.objects.values_list("pk", flat=True):
        directory = local.organization_directory(organization_id)
        _remove_staging(directory)
        _remove_originals(organization_id, directory)


def _end_uploads() -> None:
    long_ago = timezone.now() - settings.UPLOAD_LIFETIME
    live = Upload.objects.live()
    for upload in live.filter(state=State.RESERVED, last_activity__lt=long_ago):
        logger.info("the upload %s has expired", upload)
        cancel_upload(upload)
    for upload in live.filter(dataset=None):
        cancel_upload(upload)
    for upload in live.filter(state=State.FINISHING):
        settle(upload)
    # A dataset that was deleted needs no conversion.
    for job in Job.objects.filter(kind=Job.Kind.CONVERT, state=Job.State.PENDING, dataset=None):
        jobs.stop(job)


def _remove_datasets() -> None:
    """Datasets that wait for an upload that there is no more."""
    uploads = Upload.objects.live().filter(dataset=OuterRef("pk"))
    Dataset.objects.filter(
        ~Exists(uploads),
        status=Dataset.Status.NOT_UPLOADED,
        creation_type=Dataset.CreationType.UPLOAD,
        created__lt=timezone.now() - GRACE,
    ).delete()


def _remove_staging(directory: Path) -> None:
    for left in _left_in(directory / DIRECTORY):
        if not Upload.objects.live().filter(pk=left.name).exists():
            Staging(directory, left.name).remove()


def _remove_originals(organization_id: str, directory: Path) -> None:
    for left in _left_in(directory / ORIGINALS):
        waiting = Dataset.objects.of(organization_id).filter(
            directory_name=left.name,
            status__in=(Dataset.Status.NOT_UPLOADED, *Dataset.UNCONVERTED),
        )
        if not waiting.exists():
            shutil.rmtree(left, ignore_errors=True)


def _left_in(directory: Path) -> Iterator[Path]:
    """What lies there and was not touched for a while."""
    try:
        entries = list(directory.iterdir())
    except OSError:
        return
    for entry in entries:
        with contextlib.suppress(OSError):
            if time.time() - entry.stat().st_mtime > GRACE.total_seconds():
                yield entry
