"""Answers to requests for data, and how they go out over HTTP: ranges, ETags, caching, CORS.

An answer is made by a dialect and knows no request; `render` fits it to one. Both front doors, the
fast path and Django's views, only copy what `render` returns.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from datasets.streaming.requests import DataRequest
from datasets.voxels.array import StoredBytes
from datasets.voxels.errors import VoxelsBroken
from datasets.voxels.mag_files import open_found

Headers = list[tuple[str, str]]

_BINARY = "application/octet-stream"
# Files up to this size are read at once; larger ones are sent in pieces of it.
_PIECE_BYTES = 4 * 2**20
_ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")

_CORS: Headers = [
    ("Access-Control-Allow-Origin", "*"),
    (
        "Access-Control-Expose-Headers",
        "Accept-Ranges, Content-Length, Content-Range, ETag, MISSING-BUCKETS",
    ),
]
_PREFLIGHT: Headers = [
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS"),
    (
        "Access-Control-Allow-Headers",
        "Authorization, Content-Type, If-None-Match, If-Range, Range, X-Auth-Token",
    ),
    ("Access-Control-Max-Age", "86400"),
    ("Content-Length", "0"),
]


class Answer(NamedTuple):
    """What is there to send. `body` may be a stretch of a file, which is then read at the end.

    `etag` (unquoted) marks what may be kept at all; `is_immutable` that the address has the version
    in it, so that what lies there never changes.
    """

    body: bytes | StoredBytes = b""
    status: int = 200
    content_type: str = _BINARY
    etag: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    is_immutable: bool = False


class Audience(NamedTuple):
    """Who may see an answer, who may keep a copy of it, and whose pages may ask for it."""

    is_public: bool
    may_keep: bool
    is_any_origin: bool


# Whoever asks and whatever is absent: what goes out is the same.
NOBODY = Audience(is_public=False, may_keep=False, is_any_origin=True)


class Rendered(NamedTuple):
    """An answer as HTTP sends it; each part of the body is a piece of it."""

    status: int
    headers: Headers
    parts: Sequence[bytes] | Iterator[bytes]

    @property
    def status_line(self) -> str:
        """The status with its phrase, as WSGI wants it."""
        return STATUS_LINES[self.status]


STATUS_LINES = {int(status): f"{int(status)} {status.phrase}" for status in HTTPStatus}


def json_answer(document: Any) -> Answer:
    """A JSON document, with an ETag of its content."""
    return text_answer(json.dumps(document, indent=1, allow_nan=False), "application/json")


def text_answer(text: str, content_type: str) -> Answer:
    """A text, with an ETag of its content."""
    body = text.encode()
    return Answer(body, content_type=content_type, etag=hashlib.sha256(body).hexdigest()[:20])


def error_answer(status: int, *sentences: str) -> Answer:
    """What went wrong, in the HTTP API's form for errors."""
    document = {"messages": [{"error": sentence} for sentence in sentences]}
    return Answer(json.dumps(document).encode(), status, "application/json")


# One answer for what is absent, what does not exist and what must not be known of.
NOT_FOUND = error_answer(404, "There is no such data, or you can't see it.")
PREFLIGHT = Rendered(204, _PREFLIGHT, (b"",))


def render(request: DataRequest, answer: Answer, audience: Audience = NOBODY) -> Rendered:
    """Fit an answer to what the request asks for and to who may see it.

    Raises VoxelsBroken where a file to be sent can't be read any more.
    """
    headers = fixed_headers(answer, audience)
    body = answer.body
    length = body.length if isinstance(body, StoredBytes) else len(body)
    if answer.status != 200:
        headers.append(("Content-Length", str(length)))
        return Rendered(answer.status, headers, _parts(request, body))

    etag = f'"{answer.etag}"' if answer.etag else ""
    if etag and _matches(request.header("If-None-Match"), etag):
        return Rendered(304, headers, (b"",))
    status = 200
    if request.header("If-Range") in {"", etag}:
        wanted = _wanted_range(request.header("Range"), length)
        if wanted is not None:
            first, end = wanted
            if first >= end:
                headers += [("Content-Range", f"bytes */{length}"), ("Content-Length", "0")]
                return Rendered(416, headers, (b"",))
            status = 206
            headers.append(("Content-Range", f"bytes {first}-{end - 1}/{length}"))
            body = _cut(body, first, end)
            length = end - first
    headers.append(("Content-Length", str(length)))
    return Rendered(status, headers, _parts(request, body))


def fixed_headers(answer: Answer, audience: Audience) -> Headers:
    """The headers that do not depend on the request or on the body."""
    headers: Headers = [
        ("Content-Type", answer.content_type),
        ("Cache-Control", cache_control(answer, audience)),
        ("X-Content-Type-Options", "nosniff"),
        *answer.headers,
    ]
    if audience.is_any_origin:
        headers += _CORS
    if answer.status == 200:
        headers.append(("Accept-Ranges", "bytes"))
        if answer.etag:
            headers.append(("ETag", f'"{answer.etag}"'))
    return headers


def cache_control(answer: Answer, audience: Audience) -> str:
    """The header Cache-Control of an answer."""
    if not audience.may_keep or not answer.etag:
        return "no-store"
    if not answer.is_immutable:
        return "public, no-cache" if audience.is_public else "private, no-cache"
    # Shared caches forget what was public once within the hour.
    if audience.is_public:
        return "public, max-age=3600, immutable"
    return "private, max-age=31536000, immutable"


def _matches(if_none_match: str, etag: str) -> bool:
    candidates = (part.strip().removeprefix("W/") for part in if_none_match.split(","))
    return any(candidate in {"*", etag} for candidate in candidates)


def _wanted_range(header: str, length: int) -> tuple[int, int] | None:
    """The first byte and the end of the one range asked for.

    None where the header is to be ignored (several ranges, or no range at all); an end not beyond
    the start where it can't be satisfied.
    """
    found = _ONE_RANGE.fullmatch(header.replace(" ", ""))
    if found is None or found[1] == found[2] == "":
        return None
    if not found[1]:
        suffix = int(found[2])
        return max(length - suffix, 0), length if suffix else 0
    first = int(found[1])
    if found[2] and int(found[2]) < first:
        return None
    return first, min(int(found[2]) + 1 if found[2] else length, length)


def _cut(body: bytes | StoredBytes, first: int, end: int) -> bytes | StoredBytes:
    if isinstance(body, StoredBytes):
        return StoredBytes(body.path, body.offset + first, end - first)
    return body[first:end]


def _parts(request: DataRequest, body: bytes | StoredBytes) -> Sequence[bytes] | Iterator[bytes]:
    if request.method == "HEAD":
        return (b"",)
    if isinstance(body, bytes):
        return (body,)
    if body.length <= _PIECE_BYTES:
        return (read_stored(body),)
    return _read_in_pieces(body)


def _opened(stored: StoredBytes) -> int:
    try:
        return open_found(stored.path)
    except OSError as error:
        raise VoxelsBroken(stored.path.name, str(error.strerror)) from error


def read_stored(stored: StoredBytes) -> bytes:
    """The bytes of a stretch of a file; raises VoxelsBroken where they can't be read."""
    descriptor = _opened(stored)
    try:
        data = os.pread(descriptor, stored.length, stored.offset)
    except OSError as error:
        raise VoxelsBroken(stored.path.name, str(error.strerror)) from error
    finally:
        os.close(descriptor)
    if len(data) != stored.length:
        raise VoxelsBroken(stored.path.name, "it became shorter while it was read")
    return data


def _read_in_pieces(stored: StoredBytes) -> Iterator[bytes]:
    """Open the file now, where failing can still be told, and read it piece by piece later."""
    descriptor = _opened(stored)

    def pieces() -> Iterator[bytes]:
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            file.seek(stored.offset)
            left = stored.length
            while left > 0 and (piece := file.read(min(left, _PIECE_BYTES))):
                left -= len(piece)
                yield piece

    return pieces()
