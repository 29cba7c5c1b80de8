"""How the admin's actions run: one service call per chosen row, one sentence per row."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from sharing.errors import ServiceError

from .scoped import OrganizationScopedAdmin


def for_each(
    table: OrganizationScopedAdmin,
    request: HttpRequest,
    rows: Iterable[Any],
    deed: Callable[[Any], str],
) -> None:
    """Do `deed` to each row; show the sentence it returns, or why the service refused.

    What was done stands in the row's history. One refusal does not keep the rest from being done.
    """
    for row in rows:
        try:
            sentence = deed(row)
        except ServiceError as error:
            messages.error(request, f"{row}: {error}")
        else:
            table.log_change(request, row, sentence)
            messages.success(request, sentence)
