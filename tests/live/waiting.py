"""What tests of whole servers need of the machine: a free port, and patience."""

import contextlib
import os
import random
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest


def free_port() -> int:
    """A port that stays free until a server takes it.

    It is below those that connections get, and apart from those that the other test processes try.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 20_000 + worker % 12 * 1_000
    for port in random.sample(range(first, first + 1_000), 100):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    pytest.fail("no free port was found")


def until(condition: Callable[[], Any], seconds: float = 180) -> Any:
    """The condition's first true value; fails the test where there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.2)
    pytest.fail(f"not reached within {seconds} s: {condition}")
