"""The Upload row: what somebody announced to send, and how far that has come.

States and who changes them: conversion.services.uploads. Where the bytes lie meanwhile:
conversion.uploads.staging.
"""

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from datasets.models import Dataset
from sharing.ids import HexIdModel
from sharing.models import Organization, User

from .job import Job


class UploadQuerySet(QuerySet["Upload"]):
    """Questions about uploads."""

    def live(self) -> "UploadQuerySet":
        """Uploads whose files are kept: they are being sent, or being taken in."""
        return self.filter(state__in=Upload.LIVE)

    def taking_room(self) -> "UploadQuerySet":
        """Uploads whose announced bytes count as used: no dataset's own bytes tell of them yet."""
        waits = Q(state=Upload.State.DONE, dataset__status__in=Dataset.UNCONVERTED)
        return self.filter(Q(state__in=Upload.LIVE) | waits, dataset__isnull=False)


class Upload(HexIdModel):
    """An upload of a dataset, or of a mag or attachment into the layer of one.

    `upload_id` is what the client calls it; `dataset` is the one that it makes or extends.
    `target` tells mags and attachments of one dataset apart. `place` is where the data goes, below
    the organization's directory; it is written down before anything is moved there. `message` is
    why it failed, in sentences.
    """

    class Kind(models.TextChoices):
        """What is uploaded, in the words of the HTTP API."""

        DATASET = "dataset", "dataset"
        MAG = "mag", "mag"
        ATTACHMENT = "attachment", "attachment"

    class State(models.TextChoices):
        """Where an upload stands."""

        RESERVED = "RESERVED", "being sent"
        FINISHING = "FINISHING", "being taken in"
        DONE = "DONE", "done"
        FAILED = "FAILED", "failed"
        CANCELLED = "CANCELLED", "cancelled"

    LIVE = (State.RESERVED, State.FINISHING)

    upload_id = models.CharField(max_length=255, unique=True, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.RESERVED)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="uploads")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="uploads")
    dataset = models.ForeignKey(
        Dataset, on_delete=models.SET_NULL, null=True, blank=True, related_name="uploads"
    )
    job = models.ForeignKey(
        Job, on_delete=models.SET_NULL, null=True, blank=True, related_name="uploads"
    )
    announced_files = models.PositiveIntegerField()
    announced_bytes = models.BigIntegerField()
    file_paths = models.JSONField(
        null=True, blank=True, help_text="The files, where the client named them."
    )
    target = models.CharField(max_length=600, blank=True)
    place = models.CharField(max_length=1024, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    message = models.TextField(blank=True)
    created = models.DateTimeField(default=timezone.now)
    last_activity = models.DateTimeField(default=timezone.now)
    ended = models.DateTimeField(null=True, blank=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-id"]
        indexes = [
            models.Index(fields=["organization", "state"]),
            models.Index(fields=["owner", "-created"]),
        ]
        constraints = [
            models.UniqueConstraint(
                "dataset",
                "target",
                condition=Q(kind__in=["mag", "attachment"], state__in=["RESERVED", "FINISHING"]),
                name="one_live_upload_per_target",
            )
        ]

    def __str__(self) -> str:
        return self.upload_id

    @property
    def is_live(self) -> bool:
        """Whether its files are kept."""
        return self.state in self.LIVE
