"""How far a conversion is, told to whoever started it; and the way to stop it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """`done_bytes` of `total_bytes` of all layers' voxels in their finest mags are converted.

    What several processes do is counted in each of them: columns that others finished at once,
    those that they are at not before.
    """

    stage: str
    """What is being done, for people: "Converting color"."""
    done_bytes: int
    total_bytes: int


Report = Callable[[Progress], None]
"""Called several times a second, from the thread that called `convert`. What it raises stops the
conversion within about a second, and passes through.
"""


def say_nothing(progress: Progress) -> None:
    """A report that nobody hears."""


class Meter:
    """Knows how far it is, and tells."""

    def __init__(self, report: Report, total_bytes: int) -> None:
        self._report = report
        self._total = total_bytes
        self._stage = "Starting"
        self._finished = 0
        self._current = 0

    def begin(self, stage: str, finished_bytes: int) -> None:
        """Work on something new, after whatever anybody has finished."""
        self._stage, self._finished, self._current = stage, finished_bytes, 0
        self.tell()

    def add(self, byte_count: int) -> None:
        self._current += byte_count
        self.tell()

    def tell(self) -> None:
        done = min(self._finished + self._current, self._total)
        self._report(Progress(self._stage, done, self._total))
