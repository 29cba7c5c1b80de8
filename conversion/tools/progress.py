"""How far a tool is, told to whoever called it."""

from collections.abc import Callable

Report = Callable[[str, int, int], None]
"""Takes what is being worked on, and how many of how many bytes of voxels are done. Called often,
from the calling thread; what it raises stops the work, which may be gone on with later.
"""


def say_nothing(stage: str, done: int, total: int) -> None:
    """A report that nobody hears."""


class Meter:
    """Adds up what is done of `total` bytes over all stages of a piece of work."""

    def __init__(self, report: Report, total: int) -> None:
        self._report = report
        self._total = total
        self._done = 0

    def add(self, stage: str, done: int) -> None:
        """Another `done` bytes are through."""
        self._done += done
        self._report(stage, self._done, self._total)
