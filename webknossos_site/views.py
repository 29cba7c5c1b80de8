"""The site's own answers: that it lives, that it can serve, that an address is unknown."""

import re
from typing import NoReturn

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from sharing import generation
from sharing.errors import NotFound

from .api import CURRENT_API_VERSION, OLDEST_API_VERSION

_VERSION = re.compile(r"/(?:api|data)/v(\d{1,9})(?:/|$)")


@require_safe
def api_docs(request: HttpRequest, api_version: str | None = None) -> HttpResponse:
    """The HTTP API to read and to try, made of its description at /api/schema."""
    return render(request, "api_docs.html")


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """The process can serve: the database and the access generation can be read."""
    failing = []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        failing.append("database")
    try:
        generation.current()
    except Exception:
        failing.append("access generation")
    if failing:
        return JsonResponse({"status": "failing", "failing": failing}, status=503)
    return JsonResponse({"status": "ok"})


@csrf_exempt  # there is nothing to protect, and whoever posts shall learn what is wrong
def no_such_address(request: HttpRequest) -> NoReturn:
    """An address below /api/ or /data/ that stands for nothing; sharing.middleware answers."""
    version = _VERSION.match(request.path)
    if version and not OLDEST_API_VERSION <= int(version[1]) <= CURRENT_API_VERSION:
        raise NotFound(
            f"This server does not speak version {version[1]} of the API, but versions "
            f"{OLDEST_API_VERSION} to {CURRENT_API_VERSION}. An address without a version is "
            "answered by the newest."
        )
    raise NotFound(f"There is no address {request.path} here. /api/schema lists those of the API.")
