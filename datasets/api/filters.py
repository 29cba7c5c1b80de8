"""The query parameters of the dataset list, checked where they enter."""

from rest_framework import serializers

from datasets.models import Dataset, Folder
from datasets.models.dataset import DatasetQuerySet
from sharing.access import Actor

# ruff: noqa: N815 - the API's names are camelCase

DEFAULT_LIMIT = 1000
MAX_LIMIT = 10_000


class DatasetListQuery(serializers.Serializer[None]):
    """What a list may be narrowed to; absent parameters narrow nothing."""

    isActive = serializers.BooleanField(required=False, allow_null=True, default=None)
    isUnreported = serializers.BooleanField(required=False, allow_null=True, default=None)
    organizationId = serializers.CharField(required=False, allow_blank=True)
    onlyMyOrganization = serializers.BooleanField(required=False, default=False)
    uploaderId = serializers.CharField(required=False, allow_blank=True)
    folderId = serializers.CharField(required=False, allow_blank=True)
    includeSubfolders = serializers.BooleanField(required=False, default=False)
    searchQuery = serializers.CharField(required=False, allow_blank=True, default="")
    compact = serializers.BooleanField(required=False, default=False)
    limit = serializers.IntegerField(
        required=False, min_value=0, max_value=MAX_LIMIT, default=DEFAULT_LIMIT
    )

    includeTotalCount = serializers.BooleanField(
        required=False, default=False, help_text="Say in X-Total-Count how many there are."
    )

    def narrowed(self, datasets: DatasetQuerySet, actor: Actor) -> DatasetQuerySet:
        """The datasets that the (valid) parameters leave, without their limit."""
        given = self.validated_data
        unreported = [Dataset.Status.NO_LONGER_AVAILABLE, Dataset.Status.DELETED]
        if given["isActive"] is not None:
            datasets = (
                datasets.filter(status="") if given["isActive"] else datasets.exclude(status="")
            )
        if given["isUnreported"] is True:
            datasets = datasets.filter(status__in=unreported)
        elif given["isUnreported"] is False:
            datasets = datasets.exclude(status__in=unreported)
        if "organizationId" in given:
            datasets = datasets.of(given["organizationId"])
        if given["onlyMyOrganization"]:
            datasets = datasets.filter(organization=actor.organization_id)
        if "uploaderId" in given:
            datasets = datasets.filter(uploader=given["uploaderId"])
        if "folderId" in given:
            folders = [given["folderId"]]
            if given["includeSubfolders"]:
                folders = [folder.pk for folder in Folder.objects.subtree_of(given["folderId"])]
            datasets = datasets.filter(folder__in=folders)
        return datasets.matching(given["searchQuery"])

    def cut(self, datasets: DatasetQuerySet) -> DatasetQuerySet:
        """The newest of them up to the limit, in a stable order."""
        return datasets.order_by("-created", "-id")[: self.validated_data["limit"]]
