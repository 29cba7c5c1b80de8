"""What datasets use of an organization's storage, in the HTTP API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets.access import Action, dataset_for
from datasets.models import UsedStorage
from datasets.services import storage_accounting
from datasets.services.data_source_parts import type_of
from sharing.api.actors import actor_from_request, user_of
from sharing.api.fields import MillisecondsField
from sharing.api.schema import problems

# ruff: noqa: N815 - the API's names are camelCase


class UsedStorageSerializer(serializers.Serializer[UsedStorage]):
    """What a mag or attachment uses. `attachmentType` is there for attachments only."""

    layerName = serializers.CharField(source="layer_name")
    name = serializers.CharField(help_text="A mag, like `2-2-1`, or the attachment's name.")
    attachmentType = serializers.CharField(required=False)
    usedStorageBytes = serializers.IntegerField(source="used_bytes")
    lastUpdated = MillisecondsField(source="measured")

    def to_representation(self, row: UsedStorage) -> dict[str, Any]:
        """A mag has no attachment's type; an attachment's is like `mesh`."""
        shown = super().to_representation(row)
        if row.attachment_type:
            shown["attachmentType"] = type_of(row.attachment_type)
        return shown


class UsedStorageDetailsView(APIView):
    """What the parts of a dataset use."""

    @extend_schema(responses={200: UsedStorageSerializer(many=True), **problems(401, 403, 404)})
    def get(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Each mag and attachment that counts for this dataset, as last measured; for its editors.

        What is remote, or shared with an older dataset, counts nothing and is left out.
        """
        user_of(request)
        actor = actor_from_request(request)
        dataset = dataset_for(actor, dataset_id, Action.EDIT)
        rows = storage_accounting.details(actor=actor, dataset=dataset)
        return Response([UsedStorageSerializer(row).data for row in rows])
