"""The reading part of the datasets' HTTP API."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets.access import dataset_for, dataset_named
from datasets.models import Dataset, DataStore
from datasets.services import links
from datasets.services.data_stores import local_data_store
from datasets.services.names import problems_of_new_name
from sharing.api.actors import actor_from_request

from .filters import DatasetListQuery
from .serializers import CompactDatasetSerializer, DatasetSerializer, DataStoreSerializer

NEWEST = "16"
COMPACT_LIST_SINCE = 16


class OpenView(APIView):
    """A view that anonymous people may ask: public datasets and sharing links open it."""

    permission_classes = (AllowAny,)


class DatasetListView(OpenView):
    """The datasets that the actor may see."""

    @extend_schema(parameters=[DatasetListQuery], responses=CompactDatasetSerializer(many=True))
    def get(self, request: Request, api_version: str = NEWEST) -> Response:
        """From version 16 on the compact form; before, full objects unless `compact=true`."""
        actor = actor_from_request(request)
        query = DatasetListQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = query.apply(Dataset.objects.visible_to(actor), actor)
        if int(api_version) >= COMPACT_LIST_SINCE or query.validated_data["compact"]:
            datasets = list(found.prefetch_related("tags", "layers"))
            editable = Dataset.objects.editable_by(actor).filter(pk__in=[d.pk for d in datasets])
            context = {"editable_ids": set(editable.values_list("pk", flat=True))}
            return Response([CompactDatasetSerializer(d, context=context).data for d in datasets])
        full = found.select_related("data_store").prefetch_related(
            "tags", "layers__mags", "layers__attachments"
        )
        everything = {"actor": actor, "api_version": int(api_version)}
        return Response([DatasetSerializer(d, context=everything).data for d in full])


class DatasetView(OpenView):
    """One dataset."""

    @extend_schema(responses=DatasetSerializer)
    def get(self, request: Request, dataset_id: str, api_version: str = NEWEST) -> Response:
        """Everything about the dataset; 404 for whoever may not view it."""
        actor = actor_from_request(request)
        dataset = dataset_for(actor, dataset_id)
        context = {"actor": actor, "api_version": int(api_version)}
        return Response(DatasetSerializer(dataset, context=context).data)


class DisambiguateView(OpenView):
    """From a directory's name to the dataset's id."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(
        self, request: Request, organization_id: str, directory_name: str, **_: Any
    ) -> Response:
        """The oldest dataset of that directory, or of that name, that the actor may view."""
        actor = actor_from_request(request)
        dataset = dataset_named(actor, organization_id, directory_name)
        return Response(
            {
                "id": dataset.pk,
                "name": dataset.name,
                "organization": dataset.organization_id,
                "directoryName": dataset.directory_name,
            }
        )


class IsValidNewNameView(OpenView):
    """Whether a dataset may be created under a name."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, name: str, **_: Any) -> Response:
        """Characters and length only: names need not be unique."""
        problems = problems_of_new_name(name)
        return Response({"isValid": not problems, **({"errors": problems} if problems else {})})


class SharingTokenView(APIView):
    """The dataset's sharing link, in the form of the API: one token that is made when asked for."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """The token of the dataset's unnamed link."""
        actor = actor_from_request(request)
        dataset = dataset_for(actor, dataset_id)
        return Response({"sharingToken": links.sharing_token(actor=actor, dataset=dataset)})

    @extend_schema(responses=None)
    def delete(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Revoke it; the next GET makes a new one."""
        actor = actor_from_request(request)
        links.revoke_sharing_token(actor=actor, dataset=dataset_for(actor, dataset_id))
        return Response({"messages": [{"success": "The sharing link was revoked."}]})


class DataStoreListView(OpenView):
    """The data stores."""

    @extend_schema(responses=DataStoreSerializer(many=True))
    def get(self, request: Request, **_: Any) -> Response:
        """The local one first."""
        local = local_data_store()
        others = DataStore.objects.exclude(pk=local.pk)
        return Response([DataStoreSerializer(store).data for store in (local, *others)])
