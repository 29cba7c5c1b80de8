"""Datasets in the words of the HTTP API (camelCase, times in milliseconds).

Field names and shapes are those that the public library reads and writes.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict, cast

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from datasets.models import Dataset, DataStore
from datasets.models.dataset import DatasetQuerySet
from datasets.properties import with_bigint_envelopes
from datasets.services.dataset_teams import TeamsOfDataset, teams_of
from datasets.services.storage_accounting import used_bytes_seen_by
from datasets.services.uses import last_uses
from sharing.access import Actor
from sharing.api.fields import MillisecondsField
from sharing.api.serializers import TeamSerializer
from sharing.models import Team

from .metadata import MetadataEntrySerializer
from .shown_sources import shown_data_source

# ruff: noqa: N802, N815 - the API's names are camelCase

BIGINT_ENVELOPE_SINCE = 15


class Asked(TypedDict):
    """The context of the serializers of datasets: who asks, and what of it concerns them all."""

    actor: Actor
    api_version: int
    editable_ids: set[str]
    teams: Mapping[str, TeamsOfDataset]
    used_bytes: Mapping[str, int]
    last_uses: Mapping[str, datetime]


class DataStoreSerializer(serializers.Serializer[DataStore]):
    """A data store; the local one is reached at the site's own address."""

    name = serializers.CharField()
    url = serializers.SerializerMethodField()
    allowsUpload = serializers.BooleanField(source="allows_upload")

    def get_url(self, store: DataStore) -> str:
        """Where clients reach it."""
        return store.public_url or settings.PUBLIC_URL


class CompactDatasetSerializer(serializers.Serializer[Dataset]):
    """A dataset in a list; wants `layers` and `tags` prefetched, and `Asked` as context."""

    id = serializers.CharField()
    name = serializers.CharField()
    owningOrganization = serializers.CharField(source="organization_id")
    folderId = serializers.CharField(source="folder_id")
    isActive = serializers.BooleanField(source="is_active")
    directoryName = serializers.CharField(source="directory_name")
    created = MillisecondsField()
    isEditable = serializers.SerializerMethodField()
    lastUsedByUser = serializers.SerializerMethodField()
    status = serializers.CharField()
    tags = serializers.SerializerMethodField()
    isUnreported = serializers.BooleanField(source="is_unreported")
    colorLayerNames = serializers.SerializerMethodField()
    segmentationLayerNames = serializers.SerializerMethodField()
    usedStorageBytes = serializers.SerializerMethodField()

    def get_isEditable(self, dataset: Dataset) -> bool:
        """Whether the actor may edit it."""
        return dataset.pk in self.context["editable_ids"]

    def get_lastUsedByUser(self, dataset: Dataset) -> int:
        """When the actor last opened it, in milliseconds and to within an hour; 0 for never."""
        last = self.context["last_uses"].get(dataset.pk)
        return MillisecondsField().to_representation(last) if last else 0

    def get_usedStorageBytes(self, dataset: Dataset) -> int:
        """As last measured; 0 for whoever is not of the owning organization."""
        used_bytes: int = self.context["used_bytes"][dataset.pk]
        return used_bytes

    def get_tags(self, dataset: Dataset) -> list[str]:
        """The tags' names."""
        return [tag.name for tag in dataset.tags.all()]

    def get_colorLayerNames(self, dataset: Dataset) -> list[str]:
        """The names of the color layers."""
        return [layer.name for layer in dataset.layers.all() if layer.category == "color"]

    def get_segmentationLayerNames(self, dataset: Dataset) -> list[str]:
        """The names of the segmentation layers."""
        return [layer.name for layer in dataset.layers.all() if layer.category == "segmentation"]


class DatasetSerializer(CompactDatasetSerializer):
    """A dataset with everything; made by `full_objects`.

    `dataSource` is the full properties of a dataset that can be used, else only `id` and `status`:
    clients tell the two apart by the key `status`.
    """

    colorLayerNames = None  # type: ignore[assignment]
    segmentationLayerNames = None  # type: ignore[assignment]
    status = None  # type: ignore[assignment]
    dataSource = serializers.SerializerMethodField()
    dataStore = DataStoreSerializer(source="data_store")
    allowedTeams = serializers.SerializerMethodField()
    allowedTeamsCumulative = serializers.SerializerMethodField()
    isPublic = serializers.BooleanField(source="is_public")
    description = serializers.SerializerMethodField()
    sortingKey = serializers.SerializerMethodField()
    metadata = MetadataEntrySerializer(many=True)
    isVirtual = serializers.BooleanField(source="is_virtual")
    creationType = serializers.CharField(source="creation_type")
    logoUrl = serializers.SerializerMethodField()

    def get_dataSource(self, dataset: Dataset) -> dict[str, Any]:
        """The properties, or why there are none."""
        document = shown_data_source(dataset, actor=self._asked["actor"])
        if self.context["api_version"] >= BIGINT_ENVELOPE_SINCE:
            document = with_bigint_envelopes(document)
        return document

    @extend_schema_field(TeamSerializer(many=True))
    def get_allowedTeams(self, dataset: Dataset) -> list[dict[str, Any]]:
        """The teams granted on the dataset itself; nobody's business outside the organization."""
        return self._teams(dataset, self._asked["teams"][dataset.pk].own)

    @extend_schema_field(TeamSerializer(many=True))
    def get_allowedTeamsCumulative(self, dataset: Dataset) -> list[dict[str, Any]]:
        """With the teams granted on its folder and further up."""
        return self._teams(dataset, self._asked["teams"][dataset.pk].cumulative)

    def get_description(self, dataset: Dataset) -> str | None:
        """The description, null where there is none."""
        return dataset.description or None

    def get_sortingKey(self, dataset: Dataset) -> int:
        """The date it is sorted by, in milliseconds: its creation unless somebody set another."""
        return MillisecondsField().to_representation(dataset.sorting_key or dataset.created)

    def get_logoUrl(self, dataset: Dataset) -> str | None:
        """Null: organizations have no logos here."""
        return None

    @property
    def _asked(self) -> Asked:
        return cast("Asked", self.context)

    def _is_insider(self, dataset: Dataset) -> bool:
        return self._asked["actor"].belongs_to(dataset.organization_id)

    def _teams(self, dataset: Dataset, teams: Sequence[Team]) -> list[dict[str, Any]]:
        if not self._is_insider(dataset):
            return []
        return [dict(TeamSerializer(team).data) for team in teams]


def full_objects(
    datasets: DatasetQuerySet, *, actor: Actor, api_version: int
) -> list[dict[str, Any]]:
    """The datasets with everything; as many queries for a thousand as for one."""
    rows = list(
        datasets.select_related("data_store").prefetch_related(
            "tags", "layers__mags", "layers__attachments", "references__source"
        )
    )
    context = Asked(
        actor=actor,
        api_version=api_version,
        editable_ids=_editable(rows, actor),
        teams=teams_of(rows),
        used_bytes=used_bytes_seen_by(actor, rows),
        last_uses=last_uses(actor, rows),
    )
    return [dict(DatasetSerializer(row, context=context).data) for row in rows]


def compact_objects(datasets: DatasetQuerySet, *, actor: Actor) -> list[dict[str, Any]]:
    """The datasets as they stand in a list; a constant number of queries."""
    rows = list(datasets.prefetch_related("tags", "layers"))
    context = {
        "editable_ids": _editable(rows, actor),
        "used_bytes": used_bytes_seen_by(actor, rows),
        "last_uses": last_uses(actor, rows),
    }
    return [dict(CompactDatasetSerializer(row, context=context).data) for row in rows]


def _editable(rows: Sequence[Dataset], actor: Actor) -> set[str]:
    editable = Dataset.objects.editable_by(actor).filter(pk__in=[row.pk for row in rows])
    return set(editable.values_list("pk", flat=True))
