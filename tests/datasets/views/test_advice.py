"""What is shown of a properties file that can't be used."""

from datasets.models import Dataset
from datasets.views.advice import numbered_lines


def test_the_line_with_the_error_is_marked() -> None:
    dataset = Dataset(status="Error: at line 2, column 1", raw_properties="{\nx\n}")
    assert numbered_lines(dataset) == [(1, "{", False), (2, "x", True), (3, "}", False)]


def test_of_a_million_lines_only_those_around_the_error_are_shown() -> None:
    raw = "\n" * 499_999 + "wrong" + "\n" * 500_000
    lines = numbered_lines(Dataset(status="Error: at line 500000", raw_properties=raw))
    assert (500_000, "wrong", True) in lines
    assert lines[0][0] < 500_000 < lines[-1][0]
    assert len(lines) < 1000
