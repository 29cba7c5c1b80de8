"""Every answer of the API that is not data: `{"messages": [{"error": "text"}, ...]}`.

This is the shape that the public Python library prints to its users; several problems are several
entries.
"""

import logging
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import OperationalError
from django.http import JsonResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from sharing.errors import NotSignedIn, ServiceError

from .authentication import CHALLENGE

logger = logging.getLogger(__name__)


def as_messages(exception: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler: failures, faults and crashes as messages."""
    if isinstance(exception, ServiceError):
        set_rollback()
        return Response(
            error_body(*exception.messages),
            status=exception.status,
            headers=_headers(exception.status),
        )
    if isinstance(exception, SuspiciousOperation):
        return _refused(exception)
    response = exception_handler(exception, context)
    if response is None:
        if isinstance(exception, OperationalError):
            return _put_off(exception)
        return _crashed(exception, context["request"])
    detail = getattr(exception, "detail", None) or response.data
    response.data = error_body(*_texts(detail))
    return response


def as_json(error: ServiceError) -> JsonResponse:
    """The same answer for views that are plain Django."""
    return JsonResponse(
        error_body(*error.messages), status=error.status, headers=_headers(error.status)
    )


def error_body(*texts: str) -> dict[str, list[dict[str, str]]]:
    """The body that tells these problems. Halves of characters, which some repeat of what was sent
    and no answer can hold, are spelled out.
    """
    whole = (text.encode("utf-8", "backslashreplace").decode("utf-8") for text in texts)
    return {"messages": [{"error": text} for text in whole]}


def success(*texts: str) -> Response:
    """The answer to a change that has nothing to tell but that it was made."""
    return Response({"messages": [{"success": text} for text in texts]})


def _refused(exception: SuspiciousOperation) -> Response:
    """What Django does not even read."""
    set_rollback()
    if isinstance(exception, RequestDataTooBig):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        text = f"What was sent is larger than {limit:,} bytes. Send less at once."
        return Response(error_body(text), status=413)
    return Response(error_body("The request can't be read; correct its fields."), status=400)


def _put_off(exception: OperationalError) -> Response:
    """The database was away, busy, or had two requests wait for each other."""
    set_rollback()
    logger.warning("a request of the API met a fault of the database", exc_info=exception)
    text = "The database could not do that now; nothing was changed. Try again in some seconds."
    return Response(error_body(text), status=503, headers={"Retry-After": "5"})


def _crashed(exception: Exception, request: Request) -> Response:
    """The answer to a fault of this site, with a reference that stands in the log."""
    set_rollback()
    # As Django does for pages: tests raise the exception then.
    got_request_exception.send(sender=as_messages, request=request)
    reference = secrets.token_hex(4)
    logger.error(
        "%s %s crashed (reference %s)",
        request.method,
        request.path,
        reference,
        exc_info=exception,
    )
    text = (
        "Something went wrong on the server. Try again; if it happens again, give the operator of "
        f"this site the reference {reference}."
    )
    return Response(error_body(text), status=500)


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
