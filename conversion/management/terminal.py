"""What a command shows while it works: a bar that is redrawn on a terminal, else a line a stage."""

import shutil
import time
from collections import deque
from typing import TextIO

from datasets.properties.sentences import printable
from sharing.sizes import readable_size

_REDRAW_SECONDS = 0.1
_RATE_SECONDS = 20
"""The rate is that of about the last so many seconds."""
_BAR_WIDTH = 24


class ProgressBar:
    """Progress in bytes, on `stream`.

    As a context it ends the line when it is left, so that what follows stands on a line of its own.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._stage = ""
        self._drawn = 0.0
        self._times: deque[tuple[float, int]] = deque()
        self._is_open = False

    def show(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` bytes of a stage such as "Writing"; cheap enough to be called often."""
        now = time.monotonic()
        if stage != self._stage:
            self._begin(stage)
        self._times.append((now, done))
        while now - self._times[0][0] > _RATE_SECONDS and len(self._times) > 2:
            self._times.popleft()
        is_last = done >= total
        if self._is_terminal and (is_last or now - self._drawn >= _REDRAW_SECONDS):
            self._drawn = now
            self._redraw(self._line(done, total))

    def close(self) -> None:
        if self._is_open:
            self._stream.write("\n")
            self._stream.flush()
            self._is_open = False

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self, stage: str) -> None:
        self.close()
        self._stage = stage
        self._drawn = 0.0
        self._times.clear()
        if not self._is_terminal:
            self._stream.write(f"{printable(stage)} ...\n")
            self._stream.flush()

    def _redraw(self, line: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r\x1b[K{line[:width]}")
        self._stream.flush()
        self._is_open = True

    def _line(self, done: int, total: int) -> str:
        fraction = min(done / total, 1) if total else 1.0
        filled = round(fraction * _BAR_WIDTH)
        bar = "#" * filled + "-" * (_BAR_WIDTH - filled)
        amount = f"{readable_size(done)} of {readable_size(total)}"
        line = f"{printable(self._stage)} [{bar}] {fraction:4.0%}  {amount}"
        (first, began), (last, reached) = self._times[0], self._times[-1]
        if last > first and reached > began:
            rate = (reached - began) / (last - first)
            line += f"  {readable_size(rate)}/s"
            if done < total:
                line += f"  {duration((total - done) / rate)} left"
        return line


def duration(seconds: float) -> str:
    """As `42 s`, `3 min 5 s`, `2 h 10 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
