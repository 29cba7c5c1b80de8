"""The fast path: a WSGI application in front of Django's that answers requests for files of data.

Django costs several times what finding and sending a stored chunk does. Everything that is not a
file of a dialect or a stored one is handed on to Django, whose views call the same `respond`.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from datasets.streaming.answers import read_stored
from datasets.streaming.open_mags import OpenMag, open_mag_at, remember
from datasets.streaming.requests import DataRequest
from datasets.streaming.routes import is_for_fast_path, respond
from datasets.voxels.array import StoredBytes
from datasets.voxels.errors import VoxelsError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication


def in_front_of(django: "WSGIApplication") -> "WSGIApplication":
    """An application that answers requests for files itself and hands the rest to `django`."""

    def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if not path.startswith("/data/"):
            return django(environ, start_response)
        opening, numbers = _split(path)
        chunk = _chunk(environ, opening, numbers, start_response)
        if chunk is not None:
            return chunk
        request = DataRequest.of(environ)
        if request is None or not is_for_fast_path(request.path):
            return django(environ, start_response)
        response = respond(request)
        if response.status == 200:
            remember(opening, request)
        start_response(response.status_line, response.headers)
        return response.parts

    return application


def _split(path: str) -> tuple[str, list[str]]:
    """What all chunks of a mag share of an address, and the numbers of the one."""
    opening, separator, numbers = path.rpartition("/c/")
    if separator:
        # Not the opening alone: of a layer named "c" that would be the opening of another address.
        return f"{opening}/c", numbers.split("/")
    opening, _, numbers = path.rpartition("/")
    return opening, numbers.split(".")


def _chunk(
    environ: dict[str, Any], opening: str, numbers: list[str], start_response: "StartResponse"
) -> Iterable[bytes] | None:
    """Send the chunk of a mag that is being read; None for all that is not as simple as that."""
    mag = open_mag_at(opening)
    if mag is None or environ["REQUEST_METHOD"] != "GET":
        return None
    if "HTTP_RANGE" in environ or "HTTP_IF_NONE_MATCH" in environ:
        return None
    files = mag.array.chunks.files
    body = files.read(numbers) if files is not None else None
    if body is None:
        body = _found(mag, numbers)
        if body is None:
            return None
    start_response("200 OK", [*mag.headers, ("Content-Length", str(len(body)))])
    return [body]


def _found(mag: OpenMag, numbers: list[str]) -> bytes | None:
    """The chunk out of a shard, or decoded; None where Django has to say why there is none."""
    try:
        chunk = mag.array.chunk(numbers)
        return read_stored(chunk) if isinstance(chunk, StoredBytes) else chunk
    except VoxelsError:
        return None
