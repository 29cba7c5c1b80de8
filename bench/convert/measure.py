"""Runs a program and sees what it and its children cost: time, processor time, memory."""

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Cost:
    """Seconds and bytes. `peak` is the most memory that all processes held at one time, shared
    pages counted once; `largest` the most that one of them held.
    """

    wall: float
    cpu: float
    peak: int
    largest: int


def measured(command: Sequence[str | Path], log: Path, environment: dict[str, str]) -> Cost:
    """Run the command to its end. Raises RuntimeError where it fails, with the end of its log."""
    start = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        watch = _Watch(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.end()
    if process.returncode != 0:
        raise RuntimeError(f"{command} failed:\n{log.read_text(errors='replace')[-2000:]}")
    return Cost(
        wall=time.monotonic() - start,
        cpu=usage.ru_utime + usage.ru_stime,
        peak=watch.peak,
        largest=watch.largest,
    )


class _Watch:
    """Looks at the memory of a process and its children until it is told to end."""

    def __init__(self, process: int) -> None:
        self.peak = 0
        self.largest = 0
        self._process = process
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            held = [_proportional(process) for process in _tree(self._process)]
            self.peak = max(self.peak, sum(held))
            self.largest = max(self.largest, *held)


def _tree(process: int) -> list[int]:
    found = [process]
    for parent in found:
        try:
            tasks = list(Path(f"/proc/{parent}/task").iterdir())
            for task in tasks:
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue  # it ended
    return found


def _proportional(process: int) -> int:
    """Resident bytes, those that several processes share divided among them."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
