"""The Job row: the truth about a piece of long work, whatever the broker knows.

States and who changes them: conversion.services.jobs.
"""

from typing import Self

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from datasets.models import Dataset
from sharing.access import Actor
from sharing.ids import HexIdModel
from sharing.models import Organization, User


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

    def unfinished(self) -> Self:
        """Jobs that wait or run."""
        return self.filter(state__in=[Job.State.PENDING, Job.State.STARTED])

    def lost(self) -> Self:
        """Running jobs whose worker let the lease run out."""
        return self.filter(state=Job.State.STARTED, lease_until__lt=timezone.now())


class Job(HexIdModel):
    """A piece of long work: what, for whom, how far, and how it ended.

    `cause` and `advice` are for people: why it failed, in one sentence, and what to do.
    """

    class Kind(models.TextChoices):
        """What a job does."""

        SCAN = "scan_disk", "Scan disk for datasets"

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
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_state_display()})"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in self.FINAL


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
