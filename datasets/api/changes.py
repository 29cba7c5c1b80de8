"""What clients send to change a dataset, checked where it enters.

An absent key changes nothing, null clears.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from datasets.properties import AttachmentRenaming, DataSource, UnreadableProperties, parse
from datasets.services.editing import LONGEST_NAME, LONGEST_TAG, Changes
from sharing.api.fields import TextField

from .fields import AttachmentTypeField
from .metadata import MetadataEntrySerializer

# ruff: noqa: N815 - the API's names are camelCase

_LATEST = 253_402_300_799_999  # the last millisecond of the year 9999, the last that is a date


@extend_schema_field(
    {
        "type": "object",
        "example": {
            "scale": {"factor": [11, 11, 24], "unit": "nanometer"},
            "dataLayers": [
                {
                    "name": "color",
                    "category": "color",
                    "elementClass": "uint8",
                    "dataFormat": "wkw",
                    "boundingBox": {
                        "topLeft": [0, 0, 0],
                        "width": 512,
                        "height": 512,
                        "depth": 128,
                    },
                    "mags": [{"mag": [1, 1, 1]}],
                }
            ],
        },
    }
)
class DataSourceField(serializers.Field[DataSource, Any, Any, DataSource]):
    """A data source, as datasource-properties.json writes it."""

    def to_internal_value(self, data: Any) -> DataSource:
        """The data source in decoded JSON."""
        try:
            return parse(data)
        except UnreadableProperties as error:
            raise serializers.ValidationError(error.details) from error


class LayerRenamingSerializer(serializers.Serializer[None]):
    """A layer's new name."""

    oldName = TextField(trim_whitespace=False)
    newName = TextField(trim_whitespace=False)


class AttachmentRenamingSerializer(serializers.Serializer[None]):
    """An attachment's new name. `layerName` is the one after layers were renamed."""

    layerName = TextField(trim_whitespace=False)
    attachmentType = AttachmentTypeField()
    oldName = TextField(trim_whitespace=False)
    newName = TextField(trim_whitespace=False)


class WholeDatasetSerializer(serializers.Serializer[None]):
    """A dataset as it is to be: the whole object, of which these keys are taken."""

    name = TextField(required=False, max_length=LONGEST_NAME)
    description = TextField(required=False, allow_null=True, allow_blank=True)
    sortingKey = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=_LATEST,
        help_text="Milliseconds since 1970; null for the day of its creation.",
    )
    isPublic = serializers.BooleanField(required=False)
    tags = serializers.ListField(
        child=TextField(max_length=LONGEST_TAG), required=False, allow_null=True
    )
    metadata: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=MetadataEntrySerializer(), required=False, allow_null=True
    )
    folderId = TextField(required=False)

    def changes(self) -> Changes:
        """What the (valid) body asks for."""
        given: Mapping[str, Any] = self.validated_data
        changes = Changes()
        if "name" in given:
            changes["name"] = given["name"]
        if "description" in given:
            changes["description"] = given["description"] or ""
        if "sortingKey" in given:
            changes["sorting_key"] = _moment(given["sortingKey"])
        if "isPublic" in given:
            changes["is_public"] = given["isPublic"]
        if "tags" in given:
            changes["tags"] = given["tags"] or []
        if "metadata" in given:
            changes["metadata"] = [dict(entry) for entry in given["metadata"] or []]
        if "folderId" in given:
            changes["folder_id"] = given["folderId"]
        return changes


class PartialDatasetSerializer(WholeDatasetSerializer):
    """The keys of a dataset that are to change."""

    dataSource = DataSourceField(
        required=False,
        help_text="Taken of it: the voxel size, and of each layer category, bounding box, "
        "transformations, view configurations and largest segment id. Layers, mags and attachments "
        "that it lacks are removed, and their data with them unless other datasets use it. A new "
        "layer comes without mags and attachments.",
    )
    layerRenamings: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=LayerRenamingSerializer(), required=False, allow_null=True
    )
    attachmentRenamings: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=AttachmentRenamingSerializer(), required=False, allow_null=True
    )

    def validate_layerRenamings(  # noqa: N802 (named after its field)
        self, renamings: list[dict[str, str]] | None
    ) -> list[dict[str, str]] | None:
        """Each layer once."""
        named = [renaming["oldName"] for renaming in renamings or []]
        if len(set(named)) < len(named):
            raise serializers.ValidationError("A layer is renamed twice.")
        return renamings

    def changes(self) -> Changes:
        """What the (valid) body asks for."""
        given: Mapping[str, Any] = self.validated_data
        changes = super().changes()
        if "dataSource" in given:
            changes["data_source"] = given["dataSource"]
        if renamings := given.get("layerRenamings"):
            changes["layer_renamings"] = {
                renaming["oldName"]: renaming["newName"] for renaming in renamings
            }
        if renamings := given.get("attachmentRenamings"):
            changes["attachment_renamings"] = [
                AttachmentRenaming(
                    renaming["layerName"],
                    renaming["attachmentType"],
                    renaming["oldName"],
                    renaming["newName"],
                )
                for renaming in renamings
            ]
        return changes


def _moment(milliseconds: int | None) -> datetime | None:
    if milliseconds is None:
        return None
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest * 1000)
