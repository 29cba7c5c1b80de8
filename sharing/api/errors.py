"""Every answer of the API that is not data: `{"messages": [{"error": "text"}, ...]}`.

This is the shape that the public Python library prints to its users; several problems are several
entries.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.http import JsonResponse
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from sharing.errors import NotSignedIn, ServiceError

from .authentication import CHALLENGE


def as_messages(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: expected failures as messages; None for a crash."""
    if isinstance(exception, ServiceError):
        set_rollback()
        return Response(
            error_body(*exception.messages),
            status=exception.status,
            headers=_headers(exception.status),
        )
    response = exception_handler(exception, context)
    if response is not None:
        detail = getattr(exception, "detail", None) or response.data
        response.data = error_body(*_texts(detail))
    return response


def as_json(error: ServiceError) -> JsonResponse:
    """The same answer for views that are plain Django."""
    return JsonResponse(
        error_body(*error.messages), status=error.status, headers=_headers(error.status)
    )


def error_body(*texts: str) -> dict[str, list[dict[str, str]]]:
    """The body that tells these problems."""
    return {"messages": [{"error": text} for text in texts]}


def success(*texts: str) -> Response:
    """The answer to a change that has nothing to tell but that it was made."""
    return Response({"messages": [{"success": text} for text in texts]})


def _headers(status: int) -> dict[str, str]:
    return {"WWW-Authenticate": CHALLENGE} if status == NotSignedIn.status else {}


def _texts(detail: object, field: str = "") -> Iterator[str]:
    """One sentence per problem; DRF nests them by field."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            inner = "" if key in {"detail", "non_field_errors"} else str(key)
            yield from _texts(value, ".".join(filter(None, (field, inner))))
    elif isinstance(detail, list | tuple):
        for value in detail:
            yield from _texts(value, field)
    else:
        yield f"{field}: {detail}" if field else str(detail)
