"""Progress is a bar on a terminal, and a line a stage elsewhere."""

import io

import pytest

from conversion.management import terminal
from conversion.management.terminal import ProgressBar, duration

MIB = 1 << 20


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, for tests to set."""
    now = [100.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    return now


def test_a_terminal_shows_how_far_it_is_how_fast_and_how_long_it_takes(
    clock: list[float],
) -> None:
    screen = Terminal()
    with ProgressBar(screen) as bar:
        bar.show("Writing", 0, 100 * MIB)
        clock[0] += 5
        bar.show("Writing", 25 * MIB, 100 * MIB)
    last = screen.getvalue().rstrip("\n").rsplit("\x1b[K", 1)[1]
    assert (
        last
        == ("Writing [######------------------]  25%  25.0 MiB of 100.0 MiB  5.0 MiB/s  15 s left")[
            :79
        ]
    )
    assert screen.getvalue().endswith("\n")


def test_it_is_not_redrawn_more_often_than_anybody_sees(clock: list[float]) -> None:
    screen = Terminal()
    with ProgressBar(screen) as bar:
        for done in range(1000):
            clock[0] += 0.001
            bar.show("Writing", done, 1000)
    assert screen.getvalue().count("\r") <= 11


def test_what_was_done_before_does_not_count_as_fast(clock: list[float]) -> None:
    screen = Terminal()
    with ProgressBar(screen) as bar:
        bar.show("Writing", 60 * MIB, 100 * MIB)
        clock[0] += 10
        bar.show("Writing", 70 * MIB, 100 * MIB)
    assert "1.0 MiB/s" in screen.getvalue()


def test_elsewhere_there_is_one_line_a_stage() -> None:
    file = io.StringIO()
    with ProgressBar(file) as bar:
        for stage in ("Unpacking", "Writing"):
            for done in range(10):
                bar.show(stage, done, 10)
    assert file.getvalue() == "Unpacking ...\nWriting ...\n"


@pytest.mark.parametrize(
    ("seconds", "said"), [(42.4, "42 s"), (185, "3 min 5 s"), (7800, "2 h 10 min")]
)
def test_durations_are_for_people(seconds: float, said: str) -> None:
    assert duration(seconds) == said
