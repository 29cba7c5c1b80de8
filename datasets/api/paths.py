"""Uploads to paths in the HTTP API: the site names paths, a script that shares a disk with it
writes there, and says when it is done.

Paths in data sources that are sent are those of the script's own copy: they are passed over.
"""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets.models import Dataset
from datasets.properties import (
    Attachment,
    AttachmentDataFormat,
    DataSource,
    MagProperties,
    with_bigint_envelopes,
)
from datasets.services import paths, paths_parts
from datasets.services.data_source_parts import kind_of
from sharing.api.actors import actor_from_request, user_of
from sharing.api.errors import success
from sharing.api.fields import TextField
from sharing.api.schema import NoticesSerializer, problems

from .changes import DataSourceField
from .fields import AttachmentTypeField, MagField, NameField, checked
from .requested import editable
from .views import version_of

# ruff: noqa: N815 - the API's names are camelCase

BIGINT_ENVELOPE_SINCE = 15


class LinkedLayerSerializer(serializers.Serializer[None]):
    """A layer of another dataset that the new one is to have by reference."""

    datasetId = TextField()
    layerName = NameField()
    newLayerName = NameField(required=False, allow_null=True)


class PrefixedSerializer(serializers.Serializer[None]):
    """What names paths is asked for, and where they are to be."""

    pathPrefix = TextField(
        required=False,
        allow_null=True,
        help_text="Chooses among UPLOAD_PATHS of the server; by default the first.",
    )


class PreliminarySerializer(PrefixedSerializer):
    """A data source to name paths for."""

    dataSource = DataSourceField(help_text="Its paths mean nothing to the server.")


class ReservationSerializer(PreliminarySerializer):
    """A dataset to name paths for."""

    datasetName = TextField()
    initialTeamIds = serializers.ListField(child=TextField(), required=False, allow_null=True)
    folderId = TextField(required=False, allow_null=True)
    requireUniqueName = serializers.BooleanField(required=False, default=False)
    layersToLink: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=LinkedLayerSerializer(), required=False, allow_null=True
    )


class MagReservationSerializer(PrefixedSerializer):
    """A mag of a layer."""

    layerName = NameField()
    mag = MagField()
    axisOrder = serializers.DictField(
        child=serializers.IntegerField(min_value=0), required=False, allow_null=True
    )
    channelIndex = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    overwritePending = serializers.BooleanField(required=False, allow_null=True)


class AttachmentReservationSerializer(PrefixedSerializer):
    """An attachment of a layer."""

    layerName = NameField()
    attachmentName = NameField()
    attachmentType = AttachmentTypeField()
    attachmentDataformat = serializers.ChoiceField([str(each) for each in AttachmentDataFormat])
    overwritePending = serializers.BooleanField(required=False, allow_null=True)


class PathsSerializer(serializers.Serializer[None]):
    """A data source with the absolute path of each mag and attachment."""

    dataSource = serializers.JSONField()


class NewPathsSerializer(PathsSerializer):
    """The same, of a new dataset."""

    newDatasetId = serializers.CharField()


_PROBLEMS = problems(400, 401, 403, 404, 409)
_PATH = {200: OpenApiTypes.STR, **_PROBLEMS}
_FINISHED = {200: NoticesSerializer, **_PROBLEMS}


class ReserveDatasetView(APIView):
    """New datasets whose data somebody writes to paths."""

    @extend_schema(request=ReservationSerializer, responses={200: NewPathsSerializer, **_PROBLEMS})
    def post(self, request: Request, **_: Any) -> Response:
        """Reserve a dataset: the answer names the path of every mag and attachment.

        The dataset can't be used before it is finished. Linked layers are not in the answer.
        """
        user_of(request)
        given = checked(ReservationSerializer, request)
        dataset, data_source = paths.reserve_dataset(
            actor=actor_from_request(request),
            name=given["datasetName"],
            data_source=given["dataSource"],
            prefix=given.get("pathPrefix"),
            folder_id=given.get("folderId"),
            team_ids=given.get("initialTeamIds") or (),
            require_unique_name=given["requireUniqueName"],
            links=[
                (
                    link["datasetId"],
                    link["layerName"],
                    link.get("newLayerName") or link["layerName"],
                )
                for link in given.get("layersToLink") or ()
            ],
        )
        document = _document(self, dataset, data_source)
        return Response({"newDatasetId": dataset.pk, "dataSource": document})


class ReservePreliminaryView(APIView):
    """Datasets that are there, but still wait for their data."""

    @extend_schema(request=PreliminarySerializer, responses={200: PathsSerializer, **_PROBLEMS})
    def post(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Name the paths for a dataset that was reserved otherwise."""
        actor, dataset = editable(request, dataset_id)
        given = checked(PreliminarySerializer, request)
        data_source = paths.reserve_preliminary(
            actor=actor,
            dataset=dataset,
            data_source=given["dataSource"],
            prefix=given.get("pathPrefix"),
        )
        return Response({"dataSource": _document(self, dataset, data_source)})


class FinishDatasetView(APIView):
    """Datasets whose paths have been filled."""

    @extend_schema(request=None, responses=_FINISHED)
    def post(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Take the dataset into use; 400 with everything that is not as it should be."""
        actor, dataset = editable(request, dataset_id)
        paths.finish_dataset(actor=actor, dataset=dataset)
        return success(f"'{dataset}' can be used now.")


class ReserveMagView(APIView):
    """New mags of a virtual dataset."""

    @extend_schema(request=MagReservationSerializer, responses=_PATH)
    def post(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Name the path for a mag, as a JSON string."""
        actor, dataset = editable(request, dataset_id)
        given = checked(MagReservationSerializer, request)
        path = paths_parts.reserve_mag(
            actor=actor,
            dataset=dataset,
            layer_name=given["layerName"],
            mag=MagProperties(
                mag=given["mag"],
                axis_order=given.get("axisOrder") or {},
                channel_index=given.get("channelIndex"),
            ),
            prefix=given.get("pathPrefix"),
            overwrite_pending=bool(given.get("overwritePending")),
        )
        return Response(path)


class FinishMagView(APIView):
    """New mags whose path has been filled."""

    @extend_schema(request=MagReservationSerializer, responses=_FINISHED)
    def post(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Add the mag to its layer."""
        actor, dataset = editable(request, dataset_id)
        given = checked(MagReservationSerializer, request)
        paths_parts.finish_mag(
            actor=actor, dataset=dataset, layer_name=given["layerName"], mag=given["mag"]
        )
        return success(f"Mag {given['mag'].literal} was added.")


class ReserveAttachmentView(APIView):
    """New attachments of a virtual dataset."""

    @extend_schema(request=AttachmentReservationSerializer, responses=_PATH)
    def post(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Name the path for an attachment, as a JSON string."""
        actor, dataset = editable(request, dataset_id)
        given = checked(AttachmentReservationSerializer, request)
        attachment = Attachment(
            name=given["attachmentName"],
            path="",
            data_format=AttachmentDataFormat(given["attachmentDataformat"]),
        )
        path = paths_parts.reserve_attachment(
            actor=actor,
            dataset=dataset,
            layer_name=given["layerName"],
            kind=kind_of(given["attachmentType"]),
            attachment=attachment,
            prefix=given.get("pathPrefix"),
            overwrite_pending=bool(given.get("overwritePending")),
        )
        return Response(path)


class FinishAttachmentView(APIView):
    """New attachments whose path has been filled."""

    @extend_schema(request=AttachmentReservationSerializer, responses=_FINISHED)
    def post(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Add the attachment to its layer."""
        actor, dataset = editable(request, dataset_id)
        given = checked(AttachmentReservationSerializer, request)
        paths_parts.finish_attachment(
            actor=actor,
            dataset=dataset,
            layer_name=given["layerName"],
            kind=kind_of(given["attachmentType"]),
            name=given["attachmentName"],
        )
        return success(f"The attachment '{given['attachmentName']}' was added.")


def _document(view: APIView, dataset: Dataset, data_source: DataSource) -> Any:
    identity = {"name": dataset.directory_name, "team": dataset.organization_id}
    document = data_source.model_copy(update={"id": identity}).to_json()
    if version_of(view) < BIGINT_ENVELOPE_SINCE:
        return document
    return with_bigint_envelopes(document)
