"""What nginx asks before it sends a stored file itself: may this token read this mag, where is it?

nginx keeps the answer for some seconds, for a token together with dialect, dataset, layer and mag
(webknossos_site/deploy/nginx.conf), and reads its headers for every file: hence they are few. 403
means that nginx may not or can't send it; it then hands the request on to the site, which answers
as if there were no nginx.
"""

import re

from django.conf import settings

from datasets.streaming import ome_zarr, zarr2
from datasets.streaming.access import admitted, audience_of
from datasets.streaming.answers import NOT_FOUND, Answer, Rendered, cache_control, render
from datasets.streaming.catalog import ServedDataset, ServedMag
from datasets.streaming.presented import StoredChunks
from datasets.streaming.requests import NO_CREDENTIAL, Credential, CredentialKind, DataRequest
from datasets.streaming.whole_files import ChunkFileNames, chunk_file_names
from datasets.voxels.errors import VoxelsError
from sharing.errors import ServiceError

_ADDRESS = "/data/internal/authorize"
# What may stand in a header and in nginx's variables as it is.
_PLAIN_PATH = re.compile(r"/[\w./ @+=,:-]+", re.ASCII)
_REFUSED = Rendered(403, [("Content-Length", "0")], (b"",))


def authorize(request: DataRequest) -> Rendered:
    """204 with the names of the mag's files in headers, else 403.

    Only nginx may ask: it sits in front of every address, and lets nobody else reach this one.
    """
    # nginx shuts exactly this address to others; the same with a version or token is not meant.
    if not settings.ENVIRONMENT.behind_proxy or request.address != _ADDRESS:
        return render(request, NOT_FOUND)
    # These are parts of the address that the client asked nginx for; a token need not be in it.
    token, dialect = request.header("X-Data-Token"), request.header("X-Data-Dialect")
    credential = Credential(CredentialKind.ADDRESS, token) if token else NO_CREDENTIAL
    try:
        dataset = admitted(request.header("X-Data-Dataset"), credential)
        mag = dataset.layer(request.header("X-Data-Layer")).mag(request.header("X-Data-Mag"))
        names = _names(dataset, mag, dialect, request.header("X-Data-Version"))
    except (ServiceError, VoxelsError, ValueError):
        return _REFUSED
    if names is None or not _PLAIN_PATH.fullmatch(names.start):
        return _REFUSED
    file = Answer(etag=dataset.version, is_immutable=dialect == "viewer")
    headers = [
        ("X-Data-Start", names.start),
        ("X-Data-Numbers", names.numbers),
        ("X-Data-Cache-Control", cache_control(file, audience_of(credential, dataset))),
    ]
    return Rendered(204, headers, (b"",))


def _names(
    dataset: ServedDataset, mag: ServedMag, dialect: str, version: str
) -> ChunkFileNames | None:
    if dialect == "datasets":
        return ChunkFileNames(f"{mag.directory()}/", "")
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
