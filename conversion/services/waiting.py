"""Requests that wait for a job: not for ever, and never so many that none is left for the rest."""

import threading
import time
from collections.abc import Callable

from sharing.errors import ServiceError

LONGEST_SECONDS = 50.0
"""Proxies give up after 60."""
_PATIENCE_SECONDS = 2.0
_POLL_SECONDS = 0.2
THREADS = 8
"""That a web process has for waiting, beside `WEB_THREADS` for other requests (see up.py and
compose.yaml).
"""
_places = threading.BoundedSemaphore(THREADS)


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
