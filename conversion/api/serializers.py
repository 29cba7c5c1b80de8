"""Uploads in the words of the HTTP API. Clients send null for what they leave out."""

from typing import Any, TypeVar

from django.conf import settings
from pydantic import BaseModel, ValidationError
from rest_framework import serializers

from conversion.models import Upload
from conversion.services.uploads import Sizes
from conversion.services.uploads_reserving import Announced, Into, NewDataset
from datasets.properties import Attachment, MagProperties, VoxelSize, is_voxel_length
from datasets.services.composing import Link
from datasets.services.data_source_parts import kind_of
from sharing.api.fields import MillisecondsField, TextField
from sharing.api.serializers import TeamSerializer

# ruff: noqa: N802, N815 - the API's names are camelCase

Model = TypeVar("Model", bound=BaseModel)
_LARGEST = 2**53


class ReservedFilesSerializer(serializers.Serializer[None]):
    """What is going to be sent."""

    uploadId = TextField(max_length=128)
    totalFileCount = serializers.IntegerField(min_value=0)
    totalFileSizeInBytes = serializers.IntegerField(min_value=0)
    filePaths = serializers.ListField(
        child=TextField(trim_whitespace=False), required=False, allow_null=True
    )

    def validate_totalFileCount(self, count: int) -> int:
        """No more than the operator allows."""
        if count > settings.UPLOAD_MAX_FILES:
            raise serializers.ValidationError(
                f"An upload has at most {settings.UPLOAD_MAX_FILES:,} files. Send several uploads."
            )
        return count

    def validate_totalFileSizeInBytes(self, size: int) -> int:
        """No more than the operator allows."""
        if size > settings.UPLOAD_MAX_BYTES:
            raise serializers.ValidationError(
                f"An upload has at most {settings.UPLOAD_MAX_BYTES:,} bytes. Send several uploads."
            )
        return size


def voxel_size(given: dict[str, Any]) -> VoxelSize | None:
    """The voxel size of a (valid) body, if it says one."""
    factor = given.get("voxelSizeFactor")
    if not factor:
        return None
    if not all(map(is_voxel_length, factor)):
        raise serializers.ValidationError(
            {"voxelSizeFactor": "A voxel is larger than 0, and at most 1e12 units long."}
        )
    unit = given.get("voxelSizeUnit") or "nanometer"
    return parsed(VoxelSize, {"factor": factor, "unit": unit}, "voxelSizeUnit")


def announced(files: dict[str, Any]) -> Announced:
    """What the (valid) body announces."""
    return Announced(
        upload_id=files["uploadId"],
        files=files["totalFileCount"],
        bytes=files["totalFileSizeInBytes"],
        file_paths=files.get("filePaths"),
    )


class LinkSerializer(serializers.Serializer[None]):
    """A layer of another dataset."""

    datasetId = TextField()
    layerName = TextField()
    newLayerName = TextField(required=False, allow_null=True)


def _links(links: list[dict[str, Any]] | None) -> list[Link]:
    return [
        (link["datasetId"], link["layerName"], link.get("newLayerName") or link["layerName"])
        for link in links or []
    ]


class ReserveDatasetSerializer(serializers.Serializer[None]):
    """A dataset to upload."""

    resumableUploadInfo = ReservedFilesSerializer()
    datasetName = TextField()
    organizationId = TextField()
    initialTeamIds = serializers.ListField(child=TextField(), required=False, allow_null=True)
    layersToLink: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=LinkSerializer(), required=False, allow_null=True
    )
    folderId = TextField(required=False, allow_null=True)
    requireUniqueName = serializers.BooleanField(required=False, allow_null=True)
    isVirtual = serializers.BooleanField(required=False, allow_null=True)
    needsConversion = serializers.BooleanField(required=False, allow_null=True)
    voxelSizeFactor = serializers.ListField(
        child=serializers.FloatField(), min_length=3, max_length=3, required=False, allow_null=True
    )
    voxelSizeUnit = TextField(required=False, allow_null=True)

    def announced(self) -> Announced:
        """What the (valid) body announces."""
        return announced(self.validated_data["resumableUploadInfo"])

    def new_dataset(self) -> NewDataset:
        """The dataset that the (valid) body asks for."""
        given = self.validated_data
        return NewDataset(
            name=given["datasetName"],
            organization_id=given["organizationId"],
            folder_id=given.get("folderId"),
            team_ids=given.get("initialTeamIds") or [],
            require_unique_name=bool(given.get("requireUniqueName")),
            is_virtual=bool(given.get("isVirtual")),
            links=_links(given.get("layersToLink")),
            to_be_converted=bool(given.get("needsConversion")),
            voxel_size=voxel_size(given),
        )


class ReserveDatasetV13Serializer(serializers.Serializer[None]):
    """A dataset to upload, as version 13 says it."""

    uploadId = TextField(max_length=128)
    name = TextField()
    organization = TextField()
    totalFileCount = serializers.IntegerField(min_value=0)
    totalFileSizeInBytes = serializers.IntegerField(min_value=0)
    initialTeams = serializers.ListField(child=TextField(), required=False, allow_null=True)
    layersToLink: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=LinkSerializer(), required=False, allow_null=True
    )
    folderId = TextField(required=False, allow_null=True)

    def modern(self) -> dict[str, Any]:
        """The same as later versions say it."""
        given = self.validated_data
        files = ("uploadId", "totalFileCount", "totalFileSizeInBytes")
        return {
            "resumableUploadInfo": {name: given[name] for name in files},
            "datasetName": given["name"],
            "organizationId": given["organization"],
            "initialTeamIds": given.get("initialTeams"),
            "layersToLink": given.get("layersToLink"),
            "folderId": given.get("folderId"),
        }


class MagToUploadSerializer(serializers.Serializer[None]):
    """A mag, as the properties say it."""

    mag = serializers.JSONField()
    axisOrder = serializers.JSONField(required=False, allow_null=True)
    channelIndex = serializers.IntegerField(required=False, allow_null=True, min_value=0)


class _ReservePartSerializer(serializers.Serializer[None]):
    resumableUploadInfo = ReservedFilesSerializer()
    datasetId = TextField()
    layerName = TextField()
    overwritePending = serializers.BooleanField(required=False, allow_null=True)

    def announced(self) -> Announced:
        """What the (valid) body announces."""
        return announced(self.validated_data["resumableUploadInfo"])

    def into(self) -> Into:
        """The layer that the (valid) body names."""
        given = self.validated_data
        return Into(given["datasetId"], given["layerName"], bool(given.get("overwritePending")))


class ReserveMagSerializer(_ReservePartSerializer):
    """A mag to upload into a layer."""

    mag = MagToUploadSerializer()

    def mag_properties(self) -> MagProperties:
        """The mag of the (valid) body."""
        return parsed(MagProperties, dict(self.validated_data["mag"]), "mag")


class AttachmentToUploadSerializer(serializers.Serializer[None]):
    """An attachment; what `path` says is of another machine and means nothing."""

    name = TextField()
    path = TextField(required=False, allow_null=True, allow_blank=True)
    dataFormat = TextField()


class ReserveAttachmentSerializer(_ReservePartSerializer):
    """An attachment to upload into a layer."""

    attachmentType = TextField()
    attachment = AttachmentToUploadSerializer()

    def kind(self) -> str:
        """The attachment's key in the properties."""
        return kind_of(self.validated_data["attachmentType"])

    def attachment_properties(self) -> Attachment:
        """The attachment of the (valid) body."""
        given = {**self.validated_data["attachment"], "path": ""}
        return parsed(Attachment, given, "attachment")


def parsed(model: type[Model], document: dict[str, Any], field: str) -> Model:
    """The document as typed properties; a bad one names the field."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        reason = error.errors(include_url=False, include_context=False)[0]["msg"]
        raise serializers.ValidationError({field: reason.removeprefix("Value error, ")}) from error


class ChunkTestSerializer(serializers.Serializer[None]):
    """Which chunk, in the words of resumable.js."""

    resumableIdentifier = serializers.CharField(
        trim_whitespace=False, help_text="`<upload id>/<path of the file>`"
    )
    resumableChunkNumber = serializers.IntegerField(min_value=1, help_text="From 1.")


class ChunkSerializer(ChunkTestSerializer):
    """A chunk's fields, all of which come before its file; further ones are passed over."""

    resumableChunkSize = serializers.IntegerField(min_value=1, max_value=_LARGEST)
    resumableCurrentChunkSize = serializers.IntegerField(min_value=0, max_value=_LARGEST)
    resumableTotalSize = serializers.IntegerField(min_value=0, max_value=_LARGEST)
    resumableTotalChunks = serializers.IntegerField(min_value=1, max_value=_LARGEST)

    def sizes(self) -> Sizes:
        """The numbers of the (valid) fields."""
        given = self.validated_data
        return Sizes(
            number=given["resumableChunkNumber"],
            chunks=given["resumableTotalChunks"],
            chunk_bytes=given["resumableChunkSize"],
            current_bytes=given["resumableCurrentChunkSize"],
            file_bytes=given["resumableTotalSize"],
        )


class ChunkFormSerializer(ChunkSerializer):
    """A chunk as a form: the fields, then the bytes."""

    file = serializers.FileField()


class UploadIdSerializer(serializers.Serializer[None]):
    """Which upload."""

    uploadId = TextField()


class FinishedSerializer(serializers.Serializer[Upload]):
    """The dataset that was made, or that was extended."""

    datasetId = serializers.CharField(source="dataset_id")


class FinishedV13Serializer(serializers.Serializer[Upload]):
    """The dataset that was made, as version 13 says it."""

    newDatasetId = serializers.CharField(source="dataset_id")


class UnfinishedQuerySerializer(serializers.Serializer[None]):
    """Whose uploads."""

    organizationName = serializers.CharField(help_text="The organization's id.")


class UnfinishedUploadSerializer(serializers.Serializer[Upload]):
    """An upload of a dataset that can go on."""

    uploadId = serializers.CharField(source="upload_id")
    datasetName = serializers.CharField(source="dataset.name")
    folderId = serializers.CharField(source="dataset.folder_id")
    created = MillisecondsField()
    filePaths = serializers.ListField(
        source="file_paths", child=serializers.CharField(), allow_null=True
    )
    allowedTeams = serializers.SerializerMethodField()

    def get_allowedTeams(self, upload: Upload) -> list[dict[str, Any]]:
        """The teams that the dataset is given to."""
        teams = self.context["teams"][upload.dataset_id].own
        return [dict(TeamSerializer(team).data) for team in teams]
