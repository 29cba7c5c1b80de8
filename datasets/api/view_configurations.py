"""How a dataset is shown: the default, and each person's own view."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.access import dataset_for
from datasets.properties.files import check_storable
from datasets.services import view_configurations
from datasets.services.thumbnails import clear_thumbnails
from sharing.api.actors import actor_from_request, user_of
from sharing.api.errors import success
from sharing.api.fields import TextField
from sharing.api.schema import NoticesSerializer, problems
from sharing.errors import Invalid

from .views import OpenView

_CONFIGURATION = OpenApiTypes.OBJECT
_TRACING_IDS = {"application/json": {"type": "array", "items": {"type": "string"}}}


class DefaultViewConfigurationView(OpenView):
    """How a dataset is shown to who has changed nothing."""

    @extend_schema(responses={200: _CONFIGURATION, **problems(401, 404, 409)})
    def get(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """The complete configuration: what nobody has said is filled in."""
        actor = actor_from_request(request)
        dataset = dataset_for(actor, dataset_id)
        return Response(view_configurations.default(actor=actor, dataset=dataset))

    @extend_schema(
        request=_CONFIGURATION,
        responses={200: NoticesSerializer, **problems(400, 401, 403, 404)},
    )
    def put(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Make it the default for everybody; unknown keys and invalid values are dropped."""
        user_of(request)
        actor = actor_from_request(request)
        dataset = dataset_for(actor, dataset_id)
        view_configurations.save_default(
            actor=actor, dataset=dataset, configuration=_configuration(request)
        )
        clear_thumbnails(dataset.pk)
        return success(f"'{dataset}' is shown like this by default.")


class ViewConfigurationView(OpenView):
    """How a dataset is shown to the actor."""

    @extend_schema(request=_TRACING_IDS, responses={200: _CONFIGURATION, **problems(400, 401, 404)})
    def post(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """The complete configuration. The body names annotations, which this site has none of."""
        actor = actor_from_request(request)
        dataset = dataset_for(actor, dataset_id)
        serializers.ListField(child=TextField()).run_validation(request.data)
        return Response(view_configurations.resolved(actor=actor, dataset=dataset))

    @extend_schema(
        request=_CONFIGURATION, responses={200: NoticesSerializer, **problems(400, 401, 404)}
    )
    def put(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Keep it as the actor's own; unknown keys and invalid values are dropped."""
        user_of(request)
        actor = actor_from_request(request)
        dataset = dataset_for(actor, dataset_id)
        view_configurations.save_own(
            actor=actor, dataset=dataset, configuration=_configuration(request)
        )
        return success(f"'{dataset}' is shown to you like this.")


def _configuration(request: Request) -> dict[str, Any]:
    given = request.data
    if not isinstance(given, dict):
        raise ParseError("A view configuration is a JSON object.")
    try:
        check_storable(given)
    except ValueError as error:
        raise Invalid(f"The view configuration can't be kept: {error}.") from error
    return given
