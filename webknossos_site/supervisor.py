"""Runs several processes as one: all start together, and when one ends, all end.

For one machine without a service manager (`manage.py up`). Each child leads a process group of its
own, so that Ctrl-C in a terminal reaches only the supervisor, and so that whatever a child leaves
behind can be ended with its group.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

GRACE_SECONDS = 15.0


class Supervisor:
    """Starts commands, waits for a signal or for one of them to end, and ends them all."""

    def __init__(self, commands: Mapping[str, Sequence[str]]) -> None:
        self._commands = commands
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._stop = threading.Event()

    def run(self, *, is_ready: Callable[[], bool], on_ready: Callable[[], None]) -> int:
        """Run until SIGINT, SIGTERM or the end of a child.

        `on_ready` is called once, when `is_ready` first says so. Returns the exit code: 0 after a
        signal, 1 when a child ended by itself.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            for name, command in self._commands.items():
                self._children[name] = subprocess.Popen(command, start_new_session=True)  # noqa: S603
            ready = False
            while not self._stop.wait(0.1 if not ready else 0.5):
                ended = self._ended()
                if ended:
                    print(f"{ended}; stopping the rest.", flush=True)
                    return 1
                if not ready and is_ready():
                    ready = True
                    on_ready()
            return 0
        finally:
            self._end_all()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()

    def _ended(self) -> str:
        for name, child in self._children.items():
            if child.poll() is not None:
                return f"The {name} process ended with code {child.returncode}"
        return ""

    def _end_all(self) -> None:
        for child in self._children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for child in self._children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, deadline - time.monotonic()))
            self._kill_group(child.pid)
            child.wait()

    @staticmethod
    def _kill_group(leader: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGKILL)
