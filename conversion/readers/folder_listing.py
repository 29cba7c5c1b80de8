"""What lies in a folder that somebody brought: what counts, in what order, what is missing."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from datasets.properties.sentences import printable

_FOREIGN = {"thumbs.db", "desktop.ini", "__macosx", "lost+found"}
_MOST_NAMES = 3


def is_foreign(path: Path) -> bool:
    """Whether an operating system or file manager left this, and no person."""
    return path.name.startswith(".") or path.name.lower() in _FOREIGN


def natural_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Sorts names as people do: `slice 9` before `slice 10`, whatever the script."""
    return tuple(
        (0, int(part), part) if part.isdecimal() else (1, 0, part.casefold())
        for part in re.split(r"(\d+)", path.name)
    )


def numbering_notes(files: Sequence[Path]) -> tuple[str, ...]:
    """Sentences on numbers that are missing between the names of slices, in natural order.

    The number that counts is the last one that differs from slice to slice; slices that are
    numbered by a larger step than 1 have no gaps.
    """
    numbers = _numbers(files)
    steps = [after - before for before, after in pairwise(numbers)]
    if not steps or min(steps) < 1:
        return ()
    usual = Counter(steps).most_common(1)[0][0]
    missing = [
        range(before + usual, after, usual)
        for before, after in pairwise(numbers)
        if after - before > usual
    ]
    if not missing:
        return ()
    count = sum(len(numbers) for numbers in missing)
    named = [str(gap[0]) if len(gap) == 1 else f"{gap[0]} to {gap[-1]}" for gap in missing]
    return (
        f"{count} slice{'s are' if count > 1 else ' is'} missing from the numbering "
        f"({listed(named)}); the slices around a gap are put next to each other.",
    )


def listed(names: Sequence[str], *, between: str = ", ") -> str:
    """The first few of many names, as text."""
    more = len(names) - _MOST_NAMES
    return between.join(map(printable, names[:_MOST_NAMES])) + (
        f" and {more} more" if more > 0 else ""
    )


def _numbers(files: Sequence[Path]) -> list[int]:
    """The number of each slice; none where names are not of one pattern."""
    parts = [re.split(r"(\d+)", file.stem) for file in files]
    if len({len(one) for one in parts}) != 1:
        return []
    for place in range(len(parts[0]) - 2, 0, -2):
        column = [one[place] for one in parts]
        if len(set(column)) > 1:
            return [int(number) for number in column]
    return []
