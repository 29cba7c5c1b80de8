"""Which dialect answers which address below /data/, and how a failure becomes an answer.

One function for both front doors. Access is decided here, before anything of a dataset is touched.
"""

import logging
import re

from django.core.cache import cache

from datasets.services.histograms import histograms
from datasets.streaming import boxes, ome_zarr, proxy, slices, zarr2
from datasets.streaming.access import admitted, audience_of
from datasets.streaming.answers import (
    NOT_FOUND,
    PREFLIGHT,
    Answer,
    Rendered,
    error_answer,
    json_answer,
    render,
)
from datasets.streaming.authorize import authorize
from datasets.streaming.catalog import ServedDataset, ServedLayer
from datasets.streaming.requests import DataRequest
from datasets.voxels.errors import BoxTooLarge, VoxelsError
from sharing.errors import NotFound, ServiceError

_CACHE_SECONDS = 24 * 3600
_READING = {"GET", "HEAD"}
_FAST_DOORS = ("zarr/", "ome-zarr/", "viewer/", "internal/")

# The first group is the dialect, the second the dataset, the third what follows. napari asks its
# reader of OME-Zarr only for addresses with ".zarr" in them.
FILES = re.compile(r"(zarr|ome-zarr|viewer)/([0-9a-f]{24})(?:\.zarr)?(?:/(.*))?", re.DOTALL)
PROXIED = re.compile(r"datasets/([0-9a-f]{24})/proxy/(.+)", re.DOTALL)
LAYERS = re.compile(
    r"datasets/([0-9a-f]{24})/layers/([^/]+)/(data|findData|histogram|thumbnail\.jpg)"
)

log = logging.getLogger(__name__)


def is_for_fast_path(path: str) -> bool:
    """Whether what lies at this address is a file of a dialect, a stored one, or nginx's to ask."""
    return path.startswith(_FAST_DOORS) or (path.startswith("datasets/") and "/proxy/" in path)


def respond(request: DataRequest) -> Rendered:
    """The response to any request for data; whatever goes wrong, it says so in a sentence."""
    if request.method == "OPTIONS":
        return PREFLIGHT
    try:
        return _response(request)
    except NotFound:
        return render(request, NOT_FOUND)
    except ServiceError as error:
        return render(request, error_answer(error.status, *error.messages))
    except BoxTooLarge as error:
        return render(request, error_answer(400, str(error)))
    except VoxelsError as error:
        return render(request, error_answer(422, str(error)))
    except Exception:
        log.exception("A request for data failed: %s", request.path)
        return render(request, error_answer(500, "The server failed. Its log says why."))


def _response(request: DataRequest) -> Rendered:
    path = request.path
    if found := FILES.fullmatch(path):
        dialect, dataset_id, rest = found.groups(default="")
        dataset = _admitted(request, dataset_id)
        if dialect == "zarr":
            answer = zarr2.answer(request, dataset, rest)
        elif dialect == "viewer":
            answer = ome_zarr.answer_viewer(dataset, rest)
        else:
            answer = ome_zarr.answer(dataset, rest)
    elif found := PROXIED.fullmatch(path):
        dataset = _admitted(request, found[1])
        answer = proxy.answer(request, dataset, found[2])
    elif found := LAYERS.fullmatch(path):
        dataset_id, layer_name, what = found.groups()
        dataset = _admitted(request, dataset_id, posts=what == "data")
        answer = _of_layer(request, dataset, dataset.layer(layer_name), what)
    elif path == "internal/authorize":
        return authorize(request)
    else:
        return render(request, NOT_FOUND)
    return render(request, answer, audience_of(request.credential, dataset))


def _admitted(request: DataRequest, dataset_id: str, *, posts: bool = False) -> ServedDataset:
    dataset = admitted(dataset_id, request.credential)
    if request.method not in _READING and not (posts and request.method == "POST"):
        raise MethodNotAllowed(f"{request.method} is not possible here; this data is only read.")
    return dataset


class MethodNotAllowed(ServiceError):
    """Data is only read."""

    status = 405


def _of_layer(
    request: DataRequest, dataset: ServedDataset, layer: ServedLayer, what: str
) -> Answer:
    if what == "data":
        if request.method == "POST":
            return boxes.buckets(request, layer)
        return boxes.cuboid(request, dataset, layer)
    if what == "findData":
        return boxes.find_data(layer)
    if what == "histogram":
        name = layer.properties.name
        key = f"histogram:{dataset.row.pk}:{dataset.version}:{name.encode().hex()}"
        return json_answer(cache.get_or_set(key, lambda: histograms(layer), _CACHE_SECONDS))
    return slices.slice_picture(request, dataset, layer)
