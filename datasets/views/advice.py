"""What a person can do about a dataset that can't be used."""

import re

from datasets.models import Dataset

_STATUS = Dataset.Status

_ADVICE: dict[str, str] = {
    _STATUS.NOT_IMPORTED: (
        "Its directory was found, but it has no datasource-properties.json, and not everything "
        "could be inferred from the data. Import it: you are asked for what is missing."
    ),
    _STATUS.NO_LONGER_AVAILABLE: (
        "Its directory was not there when the disk was last scanned. Put it back, or mount the "
        "disk it lies on: name, description, tags, folder and access were kept, and the dataset "
        "comes back with the next scan."
    ),
    _STATUS.NOT_UPLOADED: "Its upload has not ended. Finish it, or cancel it to free the name.",
    _STATUS.NOT_UPLOADED_TO_PATHS: (
        "Whoever writes its data has not yet said that all of it is there. It can be used then."
    ),
    _STATUS.DELETED: "Somebody deleted its data. It can't be brought back here.",
}
_BROKEN = (
    "Correct datasource-properties.json in the dataset's directory, then press Reload. The rest of "
    "the data is untouched."
)
_LINE = re.compile(r"\bline (\d+)")
_LINES_AROUND = 200


def advice_for(dataset: Dataset) -> str:
    """What to do about the dataset's status; empty while it can be used."""
    return _ADVICE.get(dataset.status, _BROKEN) if dataset.status else ""


def numbered_lines(dataset: Dataset) -> list[tuple[int, str, bool]]:
    """The properties file that can't be used: line number, text, whether the error is there.

    Of a long file, the lines around the error: it may hold a million.
    """
    found = _LINE.search(dataset.status)
    wrong = int(found[1]) if found else 0
    first = max(wrong - _LINES_AROUND, 1)
    lines = dataset.raw_properties.splitlines()[first - 1 : first + 2 * _LINES_AROUND]
    return [(number, text, number == wrong) for number, text in enumerate(lines, start=first)]
