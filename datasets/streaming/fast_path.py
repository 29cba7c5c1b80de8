"""The fast path: a WSGI application in front of Django's that answers requests for files of data.

Django costs several times what finding and sending a stored chunk does. Everything that is not a
file of a dialect or a stored one is handed on to Django, whose views call the same `respond`.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from datasets.streaming.requests import DataRequest
from datasets.streaming.routes import is_for_files, respond

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication


def in_front_of(django: "WSGIApplication") -> "WSGIApplication":
    """An application that answers requests for files itself and hands the rest to `django`."""

    def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        request = DataRequest.of(environ)
        if request is None or not is_for_files(request.path):
            return django(environ, start_response)
        response = respond(request)
        start_response(response.status_line, response.headers)
        return response.parts

    return application
