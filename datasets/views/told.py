"""How an action went, as a message on the next page."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest

from sharing.errors import Conflict, Invalid


@contextmanager
def told(request: HttpRequest, success: str = "") -> Iterator[None]:
    """Tell the person of `success`, if given, or why the service refused; other failures pass."""
    try:
        yield
    except (Invalid, Conflict) as error:
        for text in error.messages:
            messages.error(request, text)
    else:
        if success:
            messages.success(request, success)
