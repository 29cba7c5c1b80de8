"""Datasets in the HTTP API: lists of them, and each by itself.

One implementation for all versions: where they differ, `version_of` says which one was asked.
"""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets.access import dataset_for, dataset_named
from datasets.models import Dataset, DataStore
from datasets.services.data_stores import local_data_store
from datasets.services.deleting import delete_dataset
from datasets.services.editing import update_dataset
from datasets.services.names import problems_of_new_name
from datasets.services.uses import note_use
from sharing.access import Actor
from sharing.api.actors import actor_from_request, user_of
from sharing.api.errors import success
from sharing.api.parsers import BoundedJsonParser
from sharing.api.schema import NoticesSerializer, problems

from .changes import PartialDatasetSerializer, WholeDatasetSerializer
from .filters import DatasetListQuery
from .serializers import (
    CompactDatasetSerializer,
    DatasetSerializer,
    DataStoreSerializer,
    compact_objects,
    full_objects,
)

# ruff: noqa: N815 - the API's names are camelCase

NEWEST = 16
COMPACT_LIST_SINCE = 16


def version_of(view: APIView) -> int:
    """The version of the API in the address; the newest where there is none."""
    return int(view.kwargs.get("api_version") or NEWEST)


class JsonView(APIView):
    """A view that reads JSON only: in a form, an absent box would be one that is not ticked."""

    parser_classes = (BoundedJsonParser,)


class OpenView(JsonView):
    """A view that anonymous people may ask: public datasets and sharing links open it."""

    permission_classes = (AllowAny,)


class IdentitySerializer(serializers.Serializer[Dataset]):
    """Which dataset a name means."""

    id = serializers.CharField()
    name = serializers.CharField()
    organization = serializers.CharField(source="organization_id")
    directoryName = serializers.CharField(source="directory_name")


class NameVerdictSerializer(serializers.Serializer[None]):
    """Whether a name can be a new dataset's, and why not."""

    isValid = serializers.BooleanField()
    errors = serializers.ListField(  # type: ignore[assignment]
        child=serializers.CharField(), required=False
    )


class DatasetListView(OpenView):
    """The datasets that the actor may see."""

    @extend_schema(
        parameters=[DatasetListQuery],
        responses={200: CompactDatasetSerializer(many=True), **problems(400, 401)},
    )
    def get(self, request: Request, **_: Any) -> Response:
        """From version 16 on the compact form; before, full objects unless `compact=true`."""
        actor = actor_from_request(request)
        query = DatasetListQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = query.narrowed(Dataset.objects.visible_to(actor), actor)
        page = query.cut(found)
        if version_of(self) >= COMPACT_LIST_SINCE or query.validated_data["compact"]:
            answer = Response(compact_objects(page, actor=actor))
        else:
            answer = Response(full_objects(page, actor=actor, api_version=version_of(self)))
        if query.validated_data["includeTotalCount"]:
            answer.headers["X-Total-Count"] = str(found.count())
        return answer


class DatasetView(OpenView):
    """One dataset."""

    @extend_schema(responses={200: DatasetSerializer, **problems(401, 404)})
    def get(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Everything about the dataset; 404 for whoever may not view it."""
        actor = actor_from_request(request)
        dataset = dataset_for(actor, dataset_id)
        answer = _answer(self, actor, dataset)
        note_use(actor=actor, dataset=dataset)
        return answer

    @extend_schema(
        request=WholeDatasetSerializer,
        responses={200: DatasetSerializer, **problems(400, 401, 403, 404)},
    )
    def patch(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Take what people say of the dataset from the whole object, as GET gave it.

        `dataSource`, teams and everything that is not theirs to say is passed over.
        """
        return _update(self, request, dataset_id, WholeDatasetSerializer)

    @extend_schema(responses={200: NoticesSerializer, **problems(401, 403, 404, 409)})
    def delete(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Delete the dataset and its data for good; 409 where other datasets use the data."""
        user_of(request)
        actor = actor_from_request(request)
        dataset = dataset_for(actor, dataset_id)
        delete_dataset(actor=actor, dataset=dataset)
        return success(f"'{dataset}' was deleted.")


class PartialUpdateView(JsonView):
    """Changes to a dataset."""

    @extend_schema(
        request=PartialDatasetSerializer,
        responses={200: DatasetSerializer, **problems(400, 401, 403, 404, 409)},
    )
    def patch(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Change the keys that are there; null clears. All of them are changed, or none."""
        return _update(self, request, dataset_id, PartialDatasetSerializer)


class DisambiguateView(OpenView):
    """From a directory's name to the dataset's id."""

    @extend_schema(responses={200: IdentitySerializer, **problems(401, 404)})
    def get(
        self, request: Request, organization_id: str, directory_name: str, **_: Any
    ) -> Response:
        """The oldest dataset of that directory, or of that name, that the actor may view."""
        actor = actor_from_request(request)
        dataset = dataset_named(actor, organization_id, directory_name)
        return Response(IdentitySerializer(dataset).data)


class IsValidNewNameView(OpenView):
    """Whether a dataset may be created under a name."""

    @extend_schema(responses=NameVerdictSerializer)
    def get(self, request: Request, name: str, **_: Any) -> Response:
        """Characters and length only: names need not be unique."""
        found = problems_of_new_name(name)
        return Response({"isValid": not found, **({"errors": found} if found else {})})


class DataStoreListView(OpenView):
    """The data stores."""

    @extend_schema(responses=DataStoreSerializer(many=True))
    def get(self, request: Request, **_: Any) -> Response:
        """The local one first."""
        local = local_data_store()
        others = DataStore.objects.exclude(pk=local.pk)
        return Response([DataStoreSerializer(store).data for store in (local, *others)])


def _update(
    view: APIView,
    request: Request,
    dataset_id: str,
    body: type[WholeDatasetSerializer],
) -> Response:
    user_of(request)
    actor = actor_from_request(request)
    dataset = dataset_for(actor, dataset_id)
    given = body(data=request.data)
    given.is_valid(raise_exception=True)
    update_dataset(actor=actor, dataset=dataset, changes=given.changes())
    return _answer(view, actor, dataset)


def _answer(view: APIView, actor: Actor, dataset: Dataset) -> Response:
    (answer,) = full_objects(
        Dataset.objects.filter(pk=dataset.pk), actor=actor, api_version=version_of(view)
    )
    return Response(answer)
