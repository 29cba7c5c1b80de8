"""How a dataset's data does, and forgetting what was made of it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets.access import Action, dataset_for
from datasets.services.health import problems_of_data
from datasets.services.thumbnails import clear_thumbnails
from sharing.api.actors import actor_from_request
from sharing.api.errors import success
from sharing.api.schema import NoticesSerializer, problems
from sharing.errors import Conflict

from .views import OpenView


class HealthView(OpenView):
    """Whether a dataset's voxels can be read."""

    @extend_schema(responses={200: NoticesSerializer, **problems(401, 404, 409)})
    def get(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """200 where all of its mags can be read, else 409 with a message for each that can't."""
        actor = actor_from_request(request)
        dataset = dataset_for(actor, dataset_id)
        if found := problems_of_data(actor=actor, dataset=dataset):
            raise Conflict(*found)
        return success(f"All of '{dataset}' can be read.")


class ClearThumbnailCacheView(APIView):
    """The pictures of a dataset."""

    @extend_schema(request=None, responses={200: NoticesSerializer, **problems(401, 403, 404)})
    def put(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Forget its thumbnails; they are drawn anew."""
        dataset = dataset_for(actor_from_request(request), dataset_id, Action.EDIT)
        clear_thumbnails(dataset.pk)
        return success(f"The thumbnails of '{dataset}' are drawn anew.")
