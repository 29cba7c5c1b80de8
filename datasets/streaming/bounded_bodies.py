"""Keeps slow senders from taking every thread of a server process.

A thread that reads a request's body waits for the client's line. Requests with a body may therefore
take only some of the threads until it is read; one that finds these taken is asked to come again,
as upload clients do. Requests without a body never wait for those with one.
"""

import io
import json
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import InputStream, StartResponse, WSGIApplication

# Forms and API calls are smaller; an upload's piece is larger.
_SMALL_BODY_BYTES = 256 * 1024
_RETRY_SECONDS = "5"
_BUSY = json.dumps(
    {"messages": [{"error": "Too much is sent here at once. Try again in some seconds."}]}
).encode()


def with_bounded_bodies(application: "WSGIApplication", *, threads: int) -> "WSGIApplication":
    """`application`, run by `threads` threads: at most half of them read bodies, at most a quarter
    large ones, so that uploads leave room for forms. Other requests with a body get 503.
    """
    any_body = threading.BoundedSemaphore(max(threads // 2, 1))
    large_body = threading.BoundedSemaphore(max(threads // 4, 1))

    def bounded(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        length = _body_length(environ)
        if length == 0:
            return application(environ, start_response)
        is_small = length is not None and length <= _SMALL_BODY_BYTES
        with ExitStack() as held:
            for places in [any_body] if is_small else [any_body, large_body]:
                if not places.acquire(blocking=False):
                    return _refused(start_response)
                held.callback(places.release)
            environ["wsgi.input"] = _Body(environ["wsgi.input"], length, held.close)
            return application(environ, start_response)

    return bounded


class _Body(io.BufferedIOBase):
    """A request's body of `length` bytes (None where that is unknown); says when all is read."""

    def __init__(
        self, body: "InputStream", length: int | None, when_read: Callable[[], None]
    ) -> None:
        self._body = body
        self._left = length
        self._when_read = when_read

    def read(self, size: int | None = -1) -> bytes:
        return self._noted(self._body.read(-1 if size is None else size), size)

    def readline(self, size: int | None = -1) -> bytes:
        return self._noted(self._body.readline(-1 if size is None else size), size)

    def _noted(self, data: bytes, size: int | None) -> bytes:
        if self._left is not None:
            self._left -= len(data)
        if self._left == 0 or (not data and size != 0):
            self._when_read()
        return data


def _body_length(environ: dict[str, Any]) -> int | None:
    """The bytes of the request's body; None for one that does not say."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdecimal():
        return int(length)
    return None if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower() else 0


def _refused(start_response: "StartResponse") -> list[bytes]:
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(_BUSY))),
        ("Retry-After", _RETRY_SECONDS),
    ]
    start_response("503 Service Unavailable", headers)
    return [_BUSY]
