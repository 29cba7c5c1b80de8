"""What the names of slices say of channels and points in time: `img_c0_z001.tif`, `t2z17c1.tif`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from conversion.readers.folder_listing import natural_key

_NUMBER = re.compile(r"(?<![^\W\d_])(channel|ch|c|timepoint|time|tp|t)[-_ ]?(\d+)", re.IGNORECASE)
MOST_CHANNELS = 16


@dataclass(frozen=True)
class Arrangement:
    """The files by point in time, channel and depth, the depth counting fastest."""

    files: tuple[Path, ...]
    times: int
    channels: tuple[str, ...]
    """As the names call them: "c0", "ch01"."""

    @property
    def stack(self) -> tuple[Path, ...]:
        """The slices of the first channel at the first time."""
        return self.files[: len(self.files) // (self.times * len(self.channels))]

    @property
    def note(self) -> str:
        """A sentence that tells what was taken from the names."""
        parts = []
        if len(self.channels) > 1:
            parts.append(f"{len(self.channels)} channels ({', '.join(self.channels)})")
        if self.times > 1:
            parts.append(f"{self.times} points in time")
        return f"By the names of its files it has {' and '.join(parts)}."


def arrange(files: Sequence[Path]) -> Arrangement | None:
    """How the names arrange the slices, in natural order; None where they number slices only.

    What is left of a name without the numbers of channel and time is the place of its slice. The
    names are believed where every channel has every slice at every time. A number of time counts
    only beside others: `t001.tif` and so on may as well be slices.
    """
    if len(files) < 2:
        return None
    places: dict[tuple[int, int, str], Path] = {}
    channels: dict[int, str] = {}
    for file in files:
        numbers = {"c": 0, "t": 0}
        for name, number in _NUMBER.findall(file.stem):
            kind = name[0].lower()
            numbers[kind] = int(number)
            if kind == "c":
                channels.setdefault(int(number), f"{name}{number}")
        rest = _NUMBER.sub("", file.stem)
        places[numbers["t"], numbers["c"], rest] = file
    times = sorted({time for time, _, _ in places})
    indices = sorted({channel for _, channel, _ in places})
    rests = sorted({rest for _, _, rest in places}, key=lambda rest: natural_key(Path(rest)))
    is_whole = len(places) == len(files) == len(times) * len(indices) * len(rests)
    is_series = len(indices) > 1 or (len(times) > 1 and len(rests) > 1)
    if not is_whole or not is_series or len(indices) > MOST_CHANNELS:
        return None
    return Arrangement(
        tuple(
            places[time, channel, rest] for time in times for channel in indices for rest in rests
        ),
        len(times),
        tuple(channels.get(channel, f"c{channel}") for channel in indices),
    )
