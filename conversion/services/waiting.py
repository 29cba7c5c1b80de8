"""Requests that wait for a job: not for ever, and never so many that none is left for the rest."""

import threading
import time
from collections.abc import Callable

from django.conf import settings

from sharing.errors import ServiceError

LONGEST_SECONDS = 50.0
"""Proxies give up after 60."""
_PATIENCE_SECONDS = 2.0
_POLL_SECONDS = 0.2

# Each takes a thread: most threads are for other requests.
_places = threading.BoundedSemaphore(max(settings.ENVIRONMENT.web_threads // 4, 1))


class ComeAgain(ServiceError):
    """Nothing is wrong with what was asked, but it can't be answered now."""

    status = 503


def wait_until(is_over: Callable[[], bool]) -> None:
    """Return once it is over, after a while, or soon where too many wait already."""
    if not _places.acquire(timeout=_PATIENCE_SECONDS):
        return
    try:
        deadline = time.monotonic() + LONGEST_SECONDS
        while not is_over() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
    finally:
        _places.release()
