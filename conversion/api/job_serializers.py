"""Jobs in the words of the HTTP API, with their progress added."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from conversion.models import Job
from conversion.readers.series import Choice
from sharing.api.fields import MillisecondsField, TextField
from sharing.models import User

from .serializers import voxel_size

# ruff: noqa: N802, N815 - the API's names are camelCase


class OwnerSerializer(serializers.ModelSerializer[User]):
    """Who asked for a job."""

    firstName = serializers.CharField(source="first_name")
    lastName = serializers.CharField(source="last_name")

    class Meta:
        model = User
        fields = ["id", "email", "firstName", "lastName"]


class ProgressSerializer(serializers.Serializer[Job]):
    """How far a job is: the stage, how much of it is done in percent, and how fast it goes, unless
    its worker has not been heard of for a while.
    """

    stage = serializers.CharField()
    percentage = serializers.FloatField(allow_null=True)
    message = serializers.CharField(source="news")
    bytesPerSecond = serializers.SerializerMethodField()
    secondsLeft = serializers.SerializerMethodField()
    attempt = serializers.IntegerField()

    def get_bytesPerSecond(self, job: Job) -> float | None:
        """Of the finest mag's voxels."""
        return None if job.waits_for_worker else job.bytes_per_second

    def get_secondsLeft(self, job: Job) -> float | None:
        """Of this stage, as it goes now."""
        return None if job.waits_for_worker else job.seconds_left


class JobSerializer(serializers.Serializer[Job]):
    """A job as `Job.objects.with_outcome(actor)` gives it; its dataset is named to who may view it.

    `state` is what its worker says, `manualState` what a person has decided; that one is to be
    shown where it is not null.
    """

    id = serializers.CharField()
    owner = OwnerSerializer(allow_null=True)
    command = serializers.CharField(source="kind")
    commandArgs = serializers.SerializerMethodField()
    state = serializers.CharField()
    manualState = serializers.SerializerMethodField()
    latestRunId = serializers.CharField(read_only=True, allow_null=True, default=None)
    returnValue = serializers.SerializerMethodField()
    resultLink = serializers.SerializerMethodField()
    errorDetails = serializers.SerializerMethodField()
    created = MillisecondsField()
    started = MillisecondsField(allow_null=True)
    ended = MillisecondsField(allow_null=True)
    lastRetry = MillisecondsField(source="retried", allow_null=True)
    creditCost = serializers.CharField(read_only=True, allow_null=True, default=None)
    voxelyticsWorkflowHash = serializers.CharField(read_only=True, allow_null=True, default=None)
    progress = ProgressSerializer(source="*")

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_commandArgs(self, job: Any) -> dict[str, Any]:
        """What it works on, and how."""
        about: dict[str, Any] = {"organizationId": job.organization_id}
        if job.shows_dataset:
            about |= {"datasetId": job.dataset.pk, "datasetName": job.dataset.name}
        of_the_site = ("source", "originals", "datasetDirectoryName")  # where things lie there
        shown = {key: value for key, value in job.arguments.items() if key not in of_the_site}
        return {**about, **shown}

    def get_manualState(self, job: Job) -> str | None:
        """CANCELLED from the moment somebody cancels it."""
        return Job.State.CANCELLED.value if job.cancel_requested else None

    def get_returnValue(self, job: Any) -> str | None:
        """What came out, as a text."""
        if job.state != Job.State.SUCCESS:
            return None
        return str(job.value) if job.value is not None else job.message or None

    def get_resultLink(self, job: Any) -> str | None:
        """Where to see or get what came out."""
        if job.state != Job.State.SUCCESS:
            return None
        if job.download:
            return f"{settings.PUBLIC_URL}{job.download}"
        if not job.shows_dataset or not job.dataset.is_active:
            return None
        return f"{settings.PUBLIC_URL}{reverse('datasets:view', args=[job.dataset])}"

    @extend_schema_field({"type": "object", "nullable": True})
    def get_errorDetails(self, job: Any) -> dict[str, Any] | None:
        """Why it failed, what to do, and what has to be said for a retry."""
        if not job.cause:
            return None
        return {"message": f"{job.cause} {job.advice}".strip(), "asks": job.asks or {}}


class AnswersSerializer(serializers.Serializer[None]):
    """What a failed conversion asks for; empty to try it again as it is."""

    voxelSizeFactor = serializers.ListField(
        child=serializers.FloatField(), min_length=3, max_length=3, required=False, allow_null=True
    )
    voxelSizeUnit = TextField(required=False, allow_null=True)
    differing = serializers.ChoiceField(
        [choice.value for choice in Choice], required=False, allow_null=True
    )

    def answers(self) -> dict[str, Any]:
        """The (valid) body as arguments of `retry_with`; empty where it says nothing."""
        given = self.validated_data
        found: dict[str, Any] = {}
        if differing := given.get("differing"):
            found["differing"] = Choice(differing)
        if size := voxel_size(given):
            found["voxel_size"] = size
        return found
