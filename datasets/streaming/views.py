"""Django's door to the data: the same answers as the fast path gives, and thumbnails for pages."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from datasets.services import thumbnails
from datasets.streaming.access import admitted
from datasets.streaming.answers import NOT_FOUND, Answer, Audience, Rendered, error_answer, render
from datasets.streaming.catalog import ServedDataset
from datasets.streaming.requests import DataRequest
from datasets.streaming.routes import respond
from sharing.errors import NotFound, ServiceError

_THUMBNAIL_SIDE = 400
_LARGEST_THUMBNAIL_SIDE = 4000


@csrf_exempt
def serve(request: HttpRequest, **_: str | None) -> HttpResponseBase:
    """Whatever lies at an address below /data/."""
    data_request = DataRequest.of(request.META)
    if data_request is None:
        raise Http404
    return _as_django(respond(data_request))


def layer_thumbnail(
    request: HttpRequest, dataset_id: str, layer_name: str, **_: str
) -> HttpResponseBase:
    """A JPEG of the layer, `w` x `h` pixels (400 each by default, at most 4000)."""

    def drawn(dataset: ServedDataset, size: thumbnails.Size) -> thumbnails.Thumbnail:
        return thumbnails.layer_thumbnail(dataset, dataset.layer(layer_name), size)

    return _thumbnail(request, dataset_id, drawn)


def dataset_thumbnail(request: HttpRequest, dataset_id: str) -> HttpResponseBase:
    """A JPEG of the whole dataset, of the same sizes; under `?look=` it never changes."""
    return _thumbnail(request, dataset_id, thumbnails.dataset_thumbnail)


def _thumbnail(
    request: HttpRequest,
    dataset_id: str,
    drawn: Callable[[ServedDataset, thumbnails.Size], thumbnails.Thumbnail],
) -> HttpResponseBase:
    data_request = DataRequest(request.META, path=request.path)
    try:
        dataset = admitted(dataset_id, data_request.credential)
        thumbnail = drawn(dataset, (_side(request.GET.get("w")), _side(request.GET.get("h"))))
    except NotFound:
        return _as_django(render(data_request, NOT_FOUND))
    except ServiceError as error:
        return _as_django(render(data_request, error_answer(error.status, *error.messages)))
    picture = Answer(
        thumbnail.data,
        content_type="image/jpeg",
        etag=thumbnail.etag,
        # Whoever else uses the browser has another cookie, and so does not get a kept one.
        headers=(("Vary", "Cookie"),),
        is_immutable=request.GET.get("look") == thumbnails.look_of(dataset.row),
    )
    audience = Audience(dataset.row.is_public, may_keep=True, is_any_origin=False)
    return _as_django(render(data_request, picture, audience))


def _side(text: str | None) -> int:
    try:
        side = int(text or _THUMBNAIL_SIDE)
    except ValueError:
        side = _THUMBNAIL_SIDE
    return min(max(side, 1), _LARGEST_THUMBNAIL_SIDE)


def _as_django(rendered: Rendered) -> HttpResponseBase:
    response: HttpResponseBase
    if isinstance(rendered.parts, tuple | list):
        response = HttpResponse(b"".join(rendered.parts), status=rendered.status)
    else:
        response = StreamingHttpResponse(rendered.parts, status=rendered.status)
    for name, value in rendered.headers:
        response[name] = value
    return response
