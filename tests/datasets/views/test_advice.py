"""What is shown of a properties file that can't be used."""

from datasets.models import Dataset
from datasets.views.advice import advice_for, numbered_lines


def test_the_line_with_the_error_is_marked() -> None:
    dataset = Dataset(status="Error: at line 2, column 1", raw_properties="{\nx\n}")
    assert numbered_lines(dataset) == [(1, "{", False), (2, "x", True), (3, "}", False)]


def test_of_a_million_lines_only_those_around_the_error_are_shown() -> None:
    raw = "\n" * 499_999 + "wrong" + "\n" * 500_000
    lines = numbered_lines(Dataset(status="Error: at line 500000", raw_properties=raw))
    assert (500_000, "wrong", True) in lines
    assert lines[0][0] < 500_000 < lines[-1][0]
    assert len(lines) < 1000


def test_who_has_to_mend_a_link_is_not_sent_to_the_properties_file() -> None:
    dangling = Dataset(status="Error: The link 'dangling' leads nowhere. Mount or restore it.")
    assert "datasource-properties.json" not in advice_for(dangling)
    assert "Reload" in advice_for(dangling)
    broken = Dataset(status="Error: Invalid json format, line 1", raw_properties="{")
    assert "Correct datasource-properties.json" in advice_for(broken)
