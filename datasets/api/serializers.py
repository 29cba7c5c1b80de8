"""Datasets in the words of the HTTP API (camelCase, times in milliseconds).

Field names and shapes are those that the public library reads and writes.
"""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from datasets.access import Action, may
from datasets.models import Dataset, DataStore
from datasets.properties import DataSource, with_bigint_envelopes
from datasets.services.audience import READ_DATASET
from datasets.services.data_source import load_with_id
from sharing.access import Actor
from sharing.grants import granted_teams
from sharing.models import Team

# ruff: noqa: N802, N815 - the API's names are camelCase

BIGINT_ENVELOPE_SINCE = 15


class MillisecondsField(serializers.Field[Any, Any, int, Any]):
    """A point in time as whole milliseconds since 1970."""

    def to_representation(self, value: Any) -> int:
        """The milliseconds."""
        return int(value.timestamp() * 1000)


class TeamSerializer(serializers.Serializer[Team]):
    """A team as it stands beside a dataset."""

    id = serializers.CharField()
    name = serializers.CharField()
    organization = serializers.CharField(source="organization_id")


class DataStoreSerializer(serializers.Serializer[DataStore]):
    """A data store; the local one is reached at the site's own address."""

    name = serializers.CharField()
    url = serializers.SerializerMethodField()
    allowsUpload = serializers.BooleanField(source="allows_upload")

    def get_url(self, store: DataStore) -> str:
        """Where clients reach it."""
        return store.public_url or settings.PUBLIC_URL


class CompactDatasetSerializer(serializers.Serializer[Dataset]):
    """A dataset in a list; wants `layers` and `tags` prefetched, `editable_ids` in the context."""

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
        """0, "never": the site does not record it."""
        return 0

    def get_usedStorageBytes(self, dataset: Dataset) -> int:
        """0, "not measured"."""
        return 0

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
    """A dataset with everything; wants `actor` and `api_version` in the context.

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
    metadata = serializers.JSONField()
    isVirtual = serializers.BooleanField(source="is_virtual")
    creationType = serializers.CharField(source="creation_type")
    logoUrl = serializers.SerializerMethodField()

    def get_isEditable(self, dataset: Dataset) -> bool:
        """Whether the actor may edit it."""
        return may(self._actor, Action.EDIT, dataset)

    def get_dataSource(self, dataset: Dataset) -> dict[str, Any]:
        """The properties, or why there are none."""
        if not dataset.is_active:
            identity = {"name": dataset.directory_name, "team": dataset.organization_id}
            unusable: dict[str, Any] = {"id": identity, "status": dataset.status}
            if dataset.voxel_size is not None:
                unusable["scale"] = {
                    "factor": list(dataset.voxel_size),
                    "unit": dataset.voxel_size_unit,
                }
            return unusable
        document = _with_explicit_paths(load_with_id(dataset)).to_json()
        if self.context["api_version"] >= BIGINT_ENVELOPE_SINCE:
            document = with_bigint_envelopes(document)
        return document

    def get_allowedTeams(self, dataset: Dataset) -> list[dict[str, Any]]:
        """The teams granted on the dataset itself; nobody's business outside the organization."""
        if not self._is_insider(dataset):
            return []
        return [TeamSerializer(team).data for team in granted_teams(dataset, READ_DATASET)]

    def get_allowedTeamsCumulative(self, dataset: Dataset) -> list[dict[str, Any]]:
        """With the teams granted on its folder and further up."""
        if not self._is_insider(dataset):
            return []
        teams = Team.objects.filter(pk__in=dataset.audience.values("team"))
        return [TeamSerializer(team).data for team in teams]

    def get_description(self, dataset: Dataset) -> str | None:
        """The description, null where there is none."""
        return dataset.description or None

    def get_sortingKey(self, dataset: Dataset) -> int:
        """The date it is sorted by, in milliseconds: its creation unless somebody set another."""
        return MillisecondsField().to_representation(dataset.sorting_key or dataset.created)

    def get_logoUrl(self, dataset: Dataset) -> None:
        """Organizations have no logos here."""

    @property
    def _actor(self) -> Actor:
        actor: Actor = self.context["actor"]
        return actor

    def _is_insider(self, dataset: Dataset) -> bool:
        return self._actor.belongs_to(dataset.organization_id)


def _with_explicit_paths(data_source: DataSource) -> DataSource:
    """The public library refuses a remote mag without a path, so the default one is spelled out."""
    layers = [
        layer.model_copy(
            update={
                "mags": tuple(
                    mag
                    if mag.path
                    else mag.model_copy(update={"path": f"./{layer.default_mag_paths(mag.mag)[0]}"})
                    for mag in layer.mags
                )
            }
        )
        for layer in data_source.layers
    ]
    return data_source.model_copy(update={"layers": tuple(layers)})
