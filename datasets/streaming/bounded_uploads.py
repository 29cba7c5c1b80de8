"""Keeps slow uploads from taking every thread of a server process.

A thread that reads a request's body waits for the client's line. Uploads may therefore take only
some of the threads; one that finds them all taken is asked to come again, as upload clients do.
"""

import json
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication

# Forms and API calls are smaller; an upload's piece is larger.
_SMALL_BODY_BYTES = 256 * 1024
_RETRY_SECONDS = "5"
_BUSY = json.dumps(
    {"messages": [{"error": "Too many uploads run at once. This one goes on in some seconds."}]}
).encode()


def with_bounded_uploads(application: "WSGIApplication", *, at_once: int) -> "WSGIApplication":
    """`application`, with at most `at_once` requests with a large body in it; others get 503."""
    places = threading.BoundedSemaphore(at_once)

    def bounded(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        if not _has_large_body(environ):
            return application(environ, start_response)
        if not places.acquire(blocking=False):
            start_response(
                "503 Service Unavailable",
                [
                    ("Content-Type", "application/json"),
                    ("Content-Length", str(len(_BUSY))),
                    ("Retry-After", _RETRY_SECONDS),
                ],
            )
            return [_BUSY]
        try:
            return application(environ, start_response)
        finally:
            places.release()

    return bounded


def _has_large_body(environ: dict[str, Any]) -> bool:
    if environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
        return False
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdecimal():
        return int(length) > _SMALL_BODY_BYTES
    return "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
