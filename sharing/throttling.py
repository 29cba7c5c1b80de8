"""Throttling of sign-in with django-axes: whose attempts are counted, and what a locked one sees.

Attempts are counted per address of the account and address of the network together: guessing gets
nowhere, and nobody can lock out a colleague from elsewhere.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def account_name(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """The account that is tried; in one spelling, since sign-in ignores case."""
    given = (credentials or request.POST).get("username") or ""
    return str(given).strip().lower()


def client_address(request: HttpRequest) -> str:
    """The network address that counts: behind the operator's proxy, the one which it saw.

    That is the last entry of X-Forwarded-For; those before it are the client's own claims.
    """
    if settings.ENVIRONMENT.behind_proxy:
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if forwarded:
            return forwarded
    return str(request.META.get("REMOTE_ADDR", ""))


def attempts_left(request: HttpRequest) -> int | None:
    """How many more wrong passwords this account stands from here; None before the first.

    Axes counts for accounts that don't exist, too, so the number tells nothing about that.
    """
    failures = AxesProxyHandler.get_failures(request, {"username": account_name(request)})
    return settings.AXES_FAILURE_LIMIT - failures if failures else None


def lockout_minutes() -> int:
    """For how long a locked account stays so."""
    return ceil(settings.AXES_COOLOFF_TIME.total_seconds() / 60)


def locked_out(
    request: HttpRequest, response: object, credentials: Mapping[str, Any] | None
) -> HttpResponse:
    """The page that says how long to wait; the same whether or not the account exists."""
    minutes = lockout_minutes()
    context = {"attempts": settings.AXES_FAILURE_LIMIT, "minutes": minutes}
    answer = render(request, "sharing/locked_out.html", context, status=429)
    answer["Retry-After"] = str(minutes * 60)
    return answer
