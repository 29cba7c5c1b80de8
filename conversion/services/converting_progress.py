"""How far a conversion is, for people: stage, share, rate, and the time that is left."""

import time
from collections import deque

from conversion.runner import Run
from sharing.sizes import readable_size

_WINDOW_SECONDS = 60.0
"""The rate is of the last minute: slabs are done at once, some seconds apart."""
_EVERY_SECONDS = 1.0


class Pace:
    """How fast a stage goes."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, now: float, done_bytes: int) -> None:
        """So much is done at this moment."""
        self._seen.append((now, done_bytes))
        while len(self._seen) > 2 and self._seen[1][0] <= now - _WINDOW_SECONDS:
            self._seen.popleft()

    @property
    def bytes_per_second(self) -> float | None:
        """None before anything can be said."""
        (first, before), (last, after) = self._seen[0], self._seen[-1]
        return (after - before) / (last - first) if last > first and after > before else None


class ShownProgress:
    """Shows the progress of a run on its job, and logs in the end how long each stage has taken."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._stage = ""
        self._took: dict[str, float] = {}
        self._seen_at = self._shown_at = time.monotonic()
        self._pace = Pace()

    def show(self, stage: str, done_bytes: int = 0, total_bytes: int = 0) -> bool:
        """Cheap to call often; whether the job's row was written. Raises Cancelled, LeaseLost."""
        self._run.check()
        now = time.monotonic()
        is_new = stage not in self._took
        self._note(stage, now)
        if not is_new and now < self._shown_at + _EVERY_SECONDS:
            return False
        self._shown_at = now
        self._pace.note(now, done_bytes)
        rate = self._pace.bytes_per_second
        left = (total_bytes - done_bytes) / rate if rate and done_bytes < total_bytes else None
        parts = []
        if total_bytes:
            parts.append(f"{readable_size(done_bytes)} of {readable_size(total_bytes)}")
        if rate is not None and left is not None:
            parts += [f"{readable_size(int(rate))}/s", f"{duration(left)} left"]
        self._run.progress(
            stage,
            100 * done_bytes / total_bytes if total_bytes else None,
            ", ".join(parts),
            bytes_per_second=rate,
            seconds_left=left,
        )
        return True

    def log_stages(self) -> None:
        """Log how long each stage has taken, several turns of it together. Those that took no time
        are left out.
        """
        self._note("", time.monotonic())
        for stage, seconds in self._took.items():
            if seconds >= 1:
                self._run.log(f"{stage}: {duration(seconds)}.")

    def _note(self, stage: str, now: float) -> None:
        if self._stage:
            self._took[self._stage] += now - self._seen_at
        if stage:
            self._took.setdefault(stage, 0.0)
        self._stage, self._seen_at = stage, now


def duration(seconds: float) -> str:
    """For people: `40 seconds`, `3 minutes`, `2 hours 5 minutes`."""
    if seconds < 60:
        return _counted(round(seconds), "second")
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return _counted(minutes, "minute")
    return f"{_counted(hours, 'hour')} {_counted(minutes, 'minute')}"


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"
