"""Composing datasets of others' layers, mags and attachments, in the HTTP API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets.services import composing
from datasets.services.data_source_parts import kind_of
from sharing.api.actors import actor_from_request, user_of
from sharing.api.errors import success
from sharing.api.fields import TextField
from sharing.api.schema import NoticesSerializer, problems

from .fields import (
    AttachmentTypeField,
    MagField,
    NameField,
    TransformationField,
    VoxelSizeField,
    checked,
)
from .requested import editable

# ruff: noqa: N815 - the API's names are camelCase


class ComposedLayerSerializer(serializers.Serializer[None]):
    """A layer of the dataset to be composed."""

    datasetId = TextField()
    sourceName = NameField()
    newName = NameField()
    transformations = serializers.ListField(
        child=TransformationField(),
        required=False,
        allow_null=True,
        help_text="In voxels of the new dataset. Without any, the layer keeps its own, and its "
        "mags are adapted to the new dataset's voxel size.",
    )


class ComposeSerializer(serializers.Serializer[None]):
    """A dataset to be composed."""

    newDatasetName = TextField()
    organizationId = TextField()
    targetFolderId = TextField(required=False, allow_null=True)
    voxelSize = VoxelSizeField(
        required=False,
        allow_null=True,
        help_text="By default the finest of the layers'. A layer that no mags can adapt to it is "
        "scaled by a transformation.",
    )
    layers = ComposedLayerSerializer(many=True, allow_empty=False)


class NewDatasetIdSerializer(serializers.Serializer[None]):
    """The id of a dataset that was made."""

    newDatasetId = serializers.CharField()


class LayerReferenceSerializer(serializers.Serializer[None]):
    """A layer of another dataset, and its name here."""

    sourceDatasetId = TextField()
    sourceLayerName = NameField()
    targetLayerName = NameField()


class MagReferenceSerializer(LayerReferenceSerializer):
    """A mag of another dataset's layer, and its place here."""

    sourceMag = MagField()
    targetMag = MagField()


class AttachmentReferenceSerializer(LayerReferenceSerializer):
    """An attachment of another dataset's layer, and its name here."""

    attachmentType = AttachmentTypeField()
    sourceAttachmentName = NameField()
    targetAttachmentName = NameField()


_ADDED = {200: NoticesSerializer, **problems(400, 401, 403, 404, 409)}


class ComposeView(APIView):
    """New datasets of other datasets' layers."""

    @extend_schema(
        request=ComposeSerializer,
        responses={200: NewDatasetIdSerializer, **problems(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, **_: Any) -> Response:
        """Compose a dataset without copying data: later changes of the sources don't follow.

        404 for a source that does not exist or that the actor may not see, 403 for one that they
        see only by a link or since it is public.
        """
        user_of(request)
        given = checked(ComposeSerializer, request)
        dataset = composing.compose(
            actor=actor_from_request(request),
            organization_id=given["organizationId"],
            name=given["newDatasetName"],
            folder_id=given.get("targetFolderId"),
            voxel_size=given.get("voxelSize"),
            layers=[
                composing.ComposedLayer(
                    dataset_id=layer["datasetId"],
                    source_name=layer["sourceName"],
                    new_name=layer["newName"],
                    transformations=tuple(layer.get("transformations") or ()),
                )
                for layer in given["layers"]
            ],
        )
        return Response({"newDatasetId": dataset.pk})


class AddLayerView(APIView):
    """Layers of other datasets in this one."""

    @extend_schema(request=LayerReferenceSerializer, responses=_ADDED)
    def post(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Add a layer by reference, with all its mags and attachments."""
        actor, dataset = editable(request, dataset_id)
        given = checked(LayerReferenceSerializer, request)
        composing.add_layer(
            actor=actor,
            dataset=dataset,
            source_id=given["sourceDatasetId"],
            source_layer=given["sourceLayerName"],
            new_name=given["targetLayerName"],
        )
        return success(f"The layer '{given['targetLayerName']}' was added.")


class AddMagView(APIView):
    """Mags of other datasets in this one."""

    @extend_schema(request=MagReferenceSerializer, responses=_ADDED)
    def post(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Add a mag by reference to a layer that stores voxels alike."""
        actor, dataset = editable(request, dataset_id)
        given = checked(MagReferenceSerializer, request)
        composing.add_mag(
            actor=actor,
            dataset=dataset,
            layer_name=given["targetLayerName"],
            mag=given["targetMag"],
            source_id=given["sourceDatasetId"],
            source_layer=given["sourceLayerName"],
            source_mag=given["sourceMag"],
        )
        return success(f"Mag {given['targetMag'].literal} was added.")


class AddAttachmentView(APIView):
    """Attachments of other datasets in this one."""

    @extend_schema(request=AttachmentReferenceSerializer, responses=_ADDED)
    def post(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Add an attachment by reference to a layer."""
        actor, dataset = editable(request, dataset_id)
        given = checked(AttachmentReferenceSerializer, request)
        composing.add_attachment(
            actor=actor,
            dataset=dataset,
            layer_name=given["targetLayerName"],
            kind=kind_of(given["attachmentType"]),
            name=given["targetAttachmentName"],
            source_id=given["sourceDatasetId"],
            source_layer=given["sourceLayerName"],
            source_name=given["sourceAttachmentName"],
        )
        return success(f"The attachment '{given['targetAttachmentName']}' was added.")
