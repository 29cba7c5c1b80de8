"""Runs several processes as one, which all end together.

One that ends by itself is started again, unless it keeps on ending: then nothing can be served.

For one machine without a service manager (`manage.py up`). Each child leads a process group of its
own, so that Ctrl-C in a terminal reaches only the supervisor, and so that whatever a child leaves
behind can be ended with its group.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

LOOK_SECONDS = 0.1
"""How often to look at the processes, and whether a signal came."""
GRACE_SECONDS = 15.0
FIRST_PAUSE_SECONDS = 1.0
"""Before a process is started again; each further pause within the minute is twice as long."""
MOST_ENDS = 5
"""A process that ended so often within a minute is given up."""
_MINUTE = 60.0
_NONE: Mapping[str, Sequence[str]] = {}


@dataclass
class _Child:
    """One command's process, and when it ended by itself or is to start (monotonic seconds)."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    starts_at: float = 0.0
    ends: list[float] = field(default_factory=list)

    def start_if_due(self) -> None:
        if self.process is None and time.monotonic() >= self.starts_at:
            self.process = subprocess.Popen(self.command, start_new_session=True)  # noqa: S603

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def wait_to_start_again(self) -> float | None:
        """The pause in seconds; None if it ended too often."""
        self.kill()  # what it left behind would work beside its successor
        self.process = None
        now = time.monotonic()
        self.ends = [*(end for end in self.ends if end > now - _MINUTE), now]
        if len(self.ends) >= MOST_ENDS:
            return None
        pause = FIRST_PAUSE_SECONDS * 2 ** (len(self.ends) - 1)
        self.starts_at = now + pause
        return float(pause)

    def kill(self) -> None:
        """End the process and all of its group."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Supervisor:
    """Starts commands, keeps them running until a signal, and ends them all."""

    def __init__(
        self, commands: Mapping[str, Sequence[str]], later: Mapping[str, Sequence[str]] = _NONE
    ) -> None:
        """`later` are started once the others are ready, so as not to keep them from it."""
        self._children = [_Child(name, command) for name, command in commands.items()]
        self._later = [_Child(name, command) for name, command in later.items()]
        self._is_stopped = False

    def run(self, *, is_ready: Callable[[], bool], on_ready: Callable[[], None]) -> int:
        """Run until SIGINT, SIGTERM or SIGHUP, or until a child keeps on ending.

        `on_ready` is called once, when `is_ready` first says so. Returns the exit code: 0 after a
        signal, 1 when a child ended before that, or `MOST_ENDS` times within a minute.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            ready = False
            while True:
                for child in self._children:
                    child.start_if_due()
                time.sleep(LOOK_SECONDS)
                if self._is_stopped:
                    return 0
                for child in self._children:
                    if child.has_ended() and not self._goes_on(child, ready):
                        return 1
                if not ready and is_ready():
                    ready = True
                    on_ready()
                    self._children += self._later
        finally:
            self._end_all()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        # No lock, so no threading.Event: a second signal would wait for the one that it interrupts.
        self._is_stopped = True

    @staticmethod
    def _goes_on(child: _Child, ready: bool) -> bool:
        """Whether the child that ended is started again; says what happens, either way."""
        assert child.process is not None  # noqa: S101 (it ended)
        ended = f"The {child.name} process ended with code {child.process.returncode}"
        if not ready:
            print(f"{ended}; stopping the rest.", flush=True)
            return False
        pause = child.wait_to_start_again()
        if pause is None:
            print(f"{ended}, {MOST_ENDS} times within a minute; stopping the rest.", flush=True)
            return False
        print(f"{ended}; starting it again in {pause:g} s.", flush=True)
        return True

    def _end_all(self) -> None:
        for child in self._children:
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for child in self._children:
            if child.process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(max(0.0, deadline - time.monotonic()))
            child.kill()
