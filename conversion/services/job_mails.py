"""Mails to the owner of a job that is over: the dataset is there, or why it is not and what to do.

Scans have mails of their own (conversion.services.scans).
"""

import logging
from datetime import timedelta
from typing import TypeGuard

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from conversion.mail import send
from conversion.models import Job
from datasets.models import Dataset
from datasets.services.thumbnails import dataset_thumbnail
from datasets.streaming.catalog import serve
from datasets.voxels.errors import VoxelsError
from sharing.access import actor_for
from sharing.errors import ServiceError
from sharing.models import User

from . import jobs

logger = logging.getLogger(__name__)

# Whoever asked for something that took longer than that has gone on to something else.
LONG = timedelta(seconds=30)
# A worker tells people so soon after the end; what ended longer ago than the other is no news.
_SOON = timedelta(minutes=2)
_NEWS = timedelta(days=1)
_PICTURE_SIZE = (400, 400)


def notify(job: Job) -> None:
    """Mail the owner that the job succeeded or failed; nothing of one that was cancelled.

    Called once for each end of a job, as the `notify` of its handler (conversion.runner). The
    dataset is named and shown only where its owner may still see it.
    """
    owner = job.owner
    if job.state == Job.State.CANCELLED or not wants_mails(owner):
        return
    dataset = Dataset.objects.visible_to(actor_for(owner)).filter(pk=job.dataset_id).first()
    is_ready = job.state == Job.State.SUCCESS and dataset is not None and dataset.is_active
    picture = _picture_of(dataset) if is_ready and dataset is not None else b""
    with transaction.atomic():
        if jobs.mark_told(job):
            send(
                owner,
                "job_outcome",
                picture=picture,
                job=job,
                dataset=dataset,
                is_ready=is_ready,
                is_conversion=job.kind == Job.Kind.CONVERT,
            )


def untold() -> QuerySet[Job]:
    """Jobs that ended without a word: no worker had them, or theirs was killed just then."""
    now = timezone.now()
    ended = Job.objects.filter(state__in=Job.FINAL, notified=None, ended__gt=now - _NEWS)
    return ended.filter(Q(worker="") | Q(ended__lt=now - _SOON))


def took_long(job: Job) -> bool:
    """Whether who asked for it hardly waits before the screen any more."""
    return bool(job.started and job.ended and job.ended - job.started > LONG)


def wants_mails(owner: User | None) -> TypeGuard[User]:
    """Whether there is somebody who wants mails about their work."""
    return owner is not None and owner.is_active and owner.is_mailed_when_done


def _picture_of(dataset: Dataset) -> bytes:
    """A thumbnail as JPEG; empty where none can be drawn now."""
    try:
        thumbnail = dataset_thumbnail(serve(dataset), _PICTURE_SIZE)
    except (ServiceError, VoxelsError, OSError) as error:
        logger.warning("no thumbnail of %s for a mail: %s", dataset.pk, error)
        return b""
    return thumbnail.data if thumbnail.etag else b""
