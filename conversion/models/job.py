"""The Job row: the truth about a piece of long work, whatever the broker knows.

States and who changes them: conversion.services.jobs.
"""

from datetime import UTC, timedelta
from typing import Self

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When
from django.utils import timezone

from datasets.models import Dataset
from sharing.access import Actor
from sharing.ids import HexIdModel
from sharing.models import Organization, User

# A worker shows every 15 seconds that it has the job (conversion.runner).
LATE = timedelta(seconds=20)


class JobQuerySet(QuerySet["Job"]):
    """Questions about jobs. Every list that a person sees starts from `visible_to`."""

    def visible_to(self, actor: Actor) -> Self:
        """A person's own jobs; for admins, all of their organization."""
        if actor.is_superuser:
            return self.all()
        if actor.is_anonymous:
            return self.none()
        visible = Q(owner=actor.user_id)
        if actor.administers(actor.organization_id):
            visible |= Q(organization=actor.organization_id)
        return self.filter(visible)

    def with_outcome(self, actor: Actor) -> Self:
        """Jobs without their result, which may be long, but with what pages show of it: as
        `had_trouble`, `download` (of the actor's own jobs), `value` and `asks`; and with
        `shows_dataset`, whether `actor` may still view the dataset.
        """
        viewed = Dataset.objects.visible_to(actor).filter(pk=OuterRef("dataset"))
        return self.defer("result").annotate(
            shows_dataset=Exists(viewed),
            had_trouble=F("result__has_trouble"),
            download=Case(When(owner=actor.user_id, then=F("result__download"))),
            value=F("result__value"),
            asks=F("result__asks"),
        )

    def unfinished(self) -> Self:
        """Jobs that wait or run."""
        return self.filter(state__in=[Job.State.PENDING, Job.State.STARTED])

    def lost(self) -> Self:
        """Running jobs whose worker let the lease run out."""
        return self.filter(state=Job.State.STARTED, lease_until__lt=timezone.now())


class Job(HexIdModel):
    """A piece of long work: what, for whom, how far, and how it ended.

    `cause` and `advice` are for people: why it failed, in one sentence, and what to do. `result`
    may hold `summary`, a sentence; `has_trouble`, where something in it needs a person; `download`,
    the address of a file on this site, which begins with a slash; `value`, which scripts want; and
    `asks`, the arguments that a person has to give for a retry.
    """

    class Kind(models.TextChoices):
        """What a job does."""

        SCAN = "scan_disk", "Scan disk for datasets"
        FINISH_UPLOAD = "finish_upload", "Finish upload"
        CONVERT = "convert_to_wkw", "Convert to a dataset"
        FIND_LARGEST_SEGMENT_ID = "find_largest_segment_id", "Find largest segment id"
        COMPUTE_MISSING_MAGS = "compute_missing_mags", "Compute missing mags"
        CHANGE_FORMAT = "change_format", "Change format or chunks"
        EXPORT_TIFF = "export_tiff", "Export as TIFF"
        MEASURE_STORAGE = "measure_storage", "Measure storage"

    class State(models.TextChoices):
        """Where a job stands, in the words of the HTTP API."""

        PENDING = "PENDING", "waiting"
        STARTED = "STARTED", "running"
        SUCCESS = "SUCCESS", "done"
        FAILURE = "FAILURE", "failed"
        CANCELLED = "CANCELLED", "cancelled"

    FINAL = (State.SUCCESS, State.FAILURE, State.CANCELLED)

    kind = models.CharField(max_length=32, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, null=True, blank=True, related_name="jobs"
    )
    owner = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs"
    )
    dataset = models.ForeignKey(
        Dataset, on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs"
    )
    arguments = models.JSONField(default=dict, blank=True)
    result = models.JSONField(default=dict, blank=True)

    stage = models.CharField(max_length=64, blank=True)
    percentage = models.FloatField(null=True, blank=True)
    message = models.CharField(max_length=512, blank=True)
    bytes_per_second = models.FloatField(null=True, blank=True)
    seconds_left = models.FloatField(null=True, blank=True)
    cause = models.TextField(blank=True)
    advice = models.TextField(blank=True)

    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    not_before = models.DateTimeField(default=timezone.now)
    worker = models.CharField(max_length=128, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    heartbeat = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)

    created = models.DateTimeField(default=timezone.now, db_index=True)
    started = models.DateTimeField(null=True, blank=True)
    ended = models.DateTimeField(null=True, blank=True)
    retried = models.DateTimeField(
        null=True, blank=True, help_text="When a person last had it tried again."
    )
    notified = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-id"]
        indexes = [
            models.Index(fields=["state", "not_before"]),
            models.Index(fields=["organization", "-created"]),
        ]
        constraints = [
            models.UniqueConstraint(
                "organization",
                condition=Q(
                    kind="scan_disk", state="PENDING", attempt=0, organization__isnull=False
                ),
                name="one_waiting_scan_per_organization",
            ),
            models.UniqueConstraint(
                "dataset",
                condition=Q(
                    kind__in=["compute_missing_mags", "change_format"],
                    state__in=["PENDING", "STARTED"],
                ),
                name="one_job_at_a_time_changes_a_dataset",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_state_display()})"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in self.FINAL

    @property
    def lost_its_dataset(self) -> bool:
        """Whether the dataset that it worked on was deleted."""
        return self.dataset_id is None and self.kind != self.Kind.SCAN

    @property
    def waits_for_worker(self) -> bool:
        """Whether the worker that has it is late to show that it lives."""
        return (
            self.state == self.State.STARTED
            and self.heartbeat is not None
            and self.heartbeat < timezone.now() - LATE
        )

    @property
    def news(self) -> str:
        """Its message; of a worker that is late, since when: what it said then is past."""
        if self.waits_for_worker and self.heartbeat is not None:
            return f"No sign of life since {self.heartbeat.astimezone(UTC):%H:%M:%S} UTC."
        return self.message


class JobLogLine(models.Model):
    """A line of a job's log."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="log_lines")
    at = models.DateTimeField(default=timezone.now)
    is_problem = models.BooleanField(default=False)
    text = models.TextField()

    class Meta:
        ordering = ["job", "pk"]

    def __str__(self) -> str:
        return self.text
