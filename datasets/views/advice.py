"""What a person can do about a dataset that can't be used."""

import re

from datasets.models import Dataset
from datasets.properties import FILE_NAME

_STATUS = Dataset.Status

_KEPT = (
    "What was uploaded is kept until it is converted or the dataset is deleted. On the page of "
    "jobs, say what was missing and retry; nothing has to be uploaded again."
)
_NOT_TOUCHED = (
    "The files on the server's disk are as they were. On the page of jobs, say what was missing "
    "and retry."
)
_ADVICE: dict[str, str] = {
    _STATUS.NOT_IMPORTED: (
        "Its directory was found, but it has no datasource-properties.json, and not everything "
        "could be inferred from the data. Import it: you are asked for what is missing."
    ),
    _STATUS.NOTHING_TO_IMPORT: (
        "Looked for were a datasource-properties.json and, up to three folders deep, layers in "
        "WKW, Zarr, OME-Zarr, N5 or Neuroglancer's precomputed format. Put one of them there, then "
        "press Reload. Images such as TIFF, PNG or CZI have to be converted first."
    ),
    _STATUS.NO_LONGER_AVAILABLE: (
        "Its directory was not there when the disk was last scanned. Put it back, or mount the "
        "disk it lies on: name, description, tags, folder and access were kept, and the dataset "
        "comes back with the next scan."
    ),
    _STATUS.NOT_UPLOADED: "Its upload has not ended. Finish it, or cancel it to free the name.",
    _STATUS.NOT_CONVERTED: (
        "A worker converts it as soon as one is free; this page and the list show how far it is."
    ),
    _STATUS.CONVERSION_FAILED: _KEPT,
    _STATUS.CONVERSION_CANCELLED: _KEPT,
    _STATUS.NOT_UPLOADED_TO_PATHS: (
        "Whoever writes its data has not yet said that all of it is there. It can be used then."
    ),
    _STATUS.DELETED: "Somebody deleted its data. It can't be brought back here.",
}
_BROKEN = (
    "Correct datasource-properties.json in the dataset's directory, then press Reload. The rest of "
    "the data is untouched."
)
_NOT_ABOUT_THE_FILE = (
    "Do what the error says, then press Reload; or leave it to the next scan. Nothing that the "
    "site knows of the dataset was lost."
)
_LINE = re.compile(r"\bline (\d+)")
_LINES_AROUND = 200
_MOST_PROBLEMS = 3


def advice_for(dataset: Dataset) -> str:
    """What to do about the dataset's status; empty while it can be used."""
    if not dataset.status:
        return ""
    is_about_the_file = dataset.raw_properties or FILE_NAME in dataset.status
    error_advice = _BROKEN if is_about_the_file else _NOT_ABOUT_THE_FILE
    advice = _ADVICE.get(dataset.status, error_advice)
    if advice == _KEPT and dataset.creation_type != Dataset.CreationType.UPLOAD:
        advice = _NOT_TOUCHED
    if dataset.status == _STATUS.CONVERSION_FAILED:
        return f"{dataset.job_message} {advice}".strip()
    if dataset.status == _STATUS.NOTHING_TO_IMPORT and dataset.inferred_properties:
        # The last of them says that there was nothing, as the status does.
        found = dataset.inferred_properties["problems"][:-1]
        return " ".join([*found[:_MOST_PROBLEMS], advice])
    return advice


def numbered_lines(dataset: Dataset) -> list[tuple[int, str, bool]]:
    """The properties file that can't be used: line number, text, whether the error is there.

    Of a long file, the lines around the error: it may hold a million.
    """
    found = _LINE.search(dataset.status)
    wrong = int(found[1]) if found else 0
    first = max(wrong - _LINES_AROUND, 1)
    lines = dataset.raw_properties.splitlines()[first - 1 : first + 2 * _LINES_AROUND]
    return [(number, text, number == wrong) for number, text in enumerate(lines, start=first)]
