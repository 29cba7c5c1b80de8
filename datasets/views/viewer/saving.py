"""What the view page saves: a person's own view, the default for everybody, a sharing link."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST

from datasets.access import dataset_for
from datasets.properties.files import check_storable
from datasets.services import links, view_configurations
from datasets.views.actor import actor_of
from sharing.errors import Invalid

_MAX_BYTES = 256 * 1024


@require_http_methods(["PUT", "DELETE"])
def own_view_configuration(request: HttpRequest, dataset_id: str) -> HttpResponse:
    """Keep or forget the person's own view."""
    actor = actor_of(request)
    dataset = dataset_for(actor, dataset_id)
    if request.method == "DELETE":
        view_configurations.reset_own(actor=actor, dataset=dataset)
    else:
        view_configurations.save_own(
            actor=actor, dataset=dataset, configuration=_configuration(request)
        )
    return HttpResponse(status=204)


@require_http_methods(["PUT"])
def default_view_configuration(request: HttpRequest, dataset_id: str) -> HttpResponse:
    """Make a view the default for everybody."""
    actor = actor_of(request)
    view_configurations.save_default(
        actor=actor, dataset=dataset_for(actor, dataset_id), configuration=_configuration(request)
    )
    return HttpResponse(status=204)


@require_POST
def share(request: HttpRequest, dataset_id: str) -> JsonResponse:
    """The token of the dataset's sharing link, made when first asked for."""
    actor = actor_of(request)
    token = links.sharing_token(actor=actor, dataset=dataset_for(actor, dataset_id))
    return JsonResponse({"token": token})


def _configuration(request: HttpRequest) -> dict[str, Any]:
    if len(request.body) > _MAX_BYTES:
        raise Invalid("The view configuration is too large.")
    try:
        configuration = json.loads(request.body)
        check_storable(configuration)
    except (ValueError, RecursionError):
        configuration = None
    if not isinstance(configuration, dict):
        raise Invalid("A view configuration is a JSON object.")
    return configuration
