"""What nginx asks before it sends a stored file itself: may this token read this mag, where is it?

nginx keeps the answer for some seconds, for a token together with dataset, dialect, layer and mag
(webknossos_site/deploy/nginx.conf). 403 means that nginx can't decide or can't send it; it then
hands the request on to the site, which answers as if there were no nginx.
"""

import re

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from datasets.streaming import ome_zarr, zarr2
from datasets.streaming.access import admitted
from datasets.streaming.answers import Answer, cache_control
from datasets.streaming.catalog import ServedDataset, ServedMag
from datasets.streaming.presented import StoredChunks
from datasets.streaming.requests import NO_CREDENTIAL, Credential, CredentialKind
from datasets.streaming.routes import audience_of
from datasets.streaming.whole_files import ChunkFileNames, chunk_file_names
from datasets.voxels.errors import VoxelsError
from sharing.errors import ServiceError

_PROXY = "datasets"
# What may stand in a header and in nginx's variables as it is.
_PLAIN_PATH = re.compile(r"/[\w./ @+=,:-]+", re.ASCII)


def authorize(request: HttpRequest, **_: str | None) -> HttpResponse:
    """200 with the mag's directory and the names of its files in headers, else 403.

    Only nginx may ask: it sits in front of every address, and lets nobody else reach this one.
    """
    if not settings.ENVIRONMENT.behind_proxy:
        return HttpResponse(status=404)
    asked = request.GET
    token = asked.get("token", "")
    credential = Credential(CredentialKind.ADDRESS, token) if token else NO_CREDENTIAL
    try:
        dataset = admitted(asked.get("dataset", ""), credential)
        mag = dataset.layer(asked.get("layer", "")).mag(asked.get("mag", ""))
        names = _names(dataset, mag, asked.get("dialect", ""), asked.get("version", ""))
    except (ServiceError, VoxelsError, ValueError):
        names = None
    if names is None or not _PLAIN_PATH.fullmatch(str(names.directory)):
        return HttpResponse(status=403)
    is_immutable = asked.get("dialect") == "viewer"
    answer = Answer(etag=dataset.version, is_immutable=is_immutable)
    return HttpResponse(
        headers={
            "X-Data-Directory": str(names.directory),
            "X-Data-Prefix": names.prefix,
            "X-Data-Axes": names.axes,
            "X-Data-Separator": names.separator,
            "X-Data-Cache-Control": cache_control(answer, audience_of(credential, dataset)),
        }
    )


def _names(
    dataset: ServedDataset, mag: ServedMag, dialect: str, version: str
) -> ChunkFileNames | None:
    if dialect == _PROXY:
        return ChunkFileNames(mag.directory(), "", "", "")
    if dialect == "viewer" and version != dataset.version:
        return None
    layer, literal = mag.layer.name, mag.properties.mag.literal
    if dialect == "zarr":
        array = zarr2.presented(dataset, layer, literal)
    else:
        array = ome_zarr.presented(dataset, layer, literal, for_viewer=dialect == "viewer")
    if not isinstance(array.chunks, StoredChunks):
        return None
    return dataset.remembered(("chunk files", layer, literal), lambda: chunk_file_names(mag))
