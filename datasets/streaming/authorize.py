"""What nginx asks before it sends a stored file itself: may this token read this mag, where is it?

It asks with the opening of an address: what all addresses of a mag share, from the token to the mag
(webknossos_site/deploy/nginx.conf). It keeps the answer for some seconds and reads its headers for
every file: hence they are few. Where the files are named as usual it does not even do that, but
finds them through a grant (datasets.streaming.grants). 403 means that nginx may not or can't send
it; it then hands the request on to the site, which answers as if there were no nginx.
"""

import os
import re
from typing import NamedTuple

from django.conf import settings

from datasets.streaming import ome_zarr, zarr2
from datasets.streaming.access import admitted, audience_of
from datasets.streaming.answers import NOT_FOUND, Answer, Rendered, cache_control, render
from datasets.streaming.catalog import ServedDataset, ServedMag
from datasets.streaming.grants import grant
from datasets.streaming.presented import StoredChunks
from datasets.streaming.requests import NO_CREDENTIAL, Credential, CredentialKind, DataRequest
from datasets.streaming.whole_files import ChunkFileNames, chunk_file_names
from datasets.voxels.errors import VoxelsError
from sharing.errors import ServiceError

_ADDRESS = "/data/internal/authorize"
# What may stand in a header and in nginx's variables as it is.
_PLAIN_PATH = re.compile(r"/[\w./ @+=,:-]+", re.ASCII)
_PLAIN_NAME = re.compile(r"[\w@$-][\w@$.-]*", re.ASCII)
_REFUSED = Rendered(403, [("Content-Length", "0")], (b"",))
# How files must be named so that nginx finds them through a grant: stored ones by their own name,
# chunks as this site and the Python library store them.
_GRANTED_NAMES = {("", ""), ("c/", "cxyz/")}


class _Opening(NamedTuple):
    credential: Credential
    dialect: str
    dataset: str
    layer: str
    mag: str
    version: str = ""


def authorize(request: DataRequest) -> Rendered:
    """204 with the names of the mag's files in headers, else 403.

    Only nginx may ask: it sits in front of every address, and lets nobody else reach this one.
    """
    # nginx shuts exactly this address to others; the same with a version or token is not meant.
    if not settings.ENVIRONMENT.behind_proxy or request.address != _ADDRESS:
        return render(request, NOT_FOUND)
    opening = _parsed(request.header("X-Data-Opening"))
    if opening is None:
        return _REFUSED
    credential = opening.credential
    try:
        dataset = admitted(opening.dataset, credential)
        mag = dataset.layer(opening.layer).mag(opening.mag)
        names = _names(dataset, mag, opening)
    except (ServiceError, VoxelsError, ValueError):
        return _REFUSED
    if names is None or not _PLAIN_PATH.fullmatch(names.directory):
        return _REFUSED
    # nginx sends what it finds through a grant with the headers that addresses with a token get.
    if credential.is_token and (names.prefix, names.numbers) in _GRANTED_NAMES:
        grant(request.header("X-Data-Window"), request.header("X-Data-Opening"), names.directory)
    file = Answer(etag=dataset.version, is_immutable=opening.dialect == "viewer")
    headers = [
        ("X-Data-Directory", names.directory),
        ("X-Data-Prefix", names.prefix),
        ("X-Data-Numbers", names.numbers),
        ("X-Data-Cache-Control", cache_control(file, audience_of(credential, dataset))),
    ]
    return Rendered(204, headers, (b"",))


def _parsed(text: str) -> _Opening | None:
    """The parts of an opening, None where it is none that nginx sends."""
    parts = text.split("/")
    if not all(_PLAIN_NAME.fullmatch(part) for part in parts):
        return None
    match parts:
        case ["t", token, *parts]:
            credential = Credential(CredentialKind.ADDRESS, token)
        case _:
            credential = NO_CREDENTIAL
    match parts:
        case ["zarr" | "ome-zarr" as dialect, dataset, layer, mag]:
            dataset = dataset.removesuffix(".zarr")
            return _Opening(credential, dialect, dataset, layer, mag)
        case ["viewer", dataset, version, layer, mag]:
            return _Opening(credential, "viewer", dataset, layer, mag, version)
        case ["datasets", dataset, "proxy", "layers", layer, "mags", mag]:
            return _Opening(credential, "datasets", dataset, layer, mag)
        case _:
            return None


def _names(dataset: ServedDataset, mag: ServedMag, opening: _Opening) -> ChunkFileNames | None:
    dialect = opening.dialect
    if dialect == "datasets":
        return ChunkFileNames(os.path.realpath(mag.directory()), "", "")
    if dialect == "viewer" and opening.version != dataset.version:
        return None
    layer, literal = mag.layer.name, mag.properties.mag.literal
    if dialect == "zarr":
        array = zarr2.presented(dataset, layer, literal)
    else:
        array = ome_zarr.presented(dataset, layer, literal, for_viewer=dialect == "viewer")
    if not isinstance(array.chunks, StoredChunks):
        return None
    return dataset.remembered(("chunk files", layer, literal), lambda: chunk_file_names(mag))
