"""What a person can do about a dataset that can't be used."""

import re

from django.urls import reverse
from django.utils.html import format_html

from datasets.models import Dataset
from datasets.properties import FILE_NAME

_STATUS = Dataset.Status

_KEPT = "What was uploaded is kept until it is converted or the dataset is deleted."
_NOT_TOUCHED = "The files on the server's disk are as they were."
_READS_UPLOAD_AGAIN = (
    "A retry reads the same files again: where one of them is broken, mend it and upload the data "
    "again, as a new dataset."
)
_READS_DISK_AGAIN = "A retry reads the files on the server's disk as they are by then."
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
    """What to do about the dataset's status; empty while it can be used. May be HTML, marked so."""
    if not dataset.status:
        return ""
    if dataset.status in (_STATUS.CONVERSION_FAILED, _STATUS.CONVERSION_CANCELLED):
        return _advice_on_conversion(dataset)
    is_about_the_file = dataset.raw_properties or FILE_NAME in dataset.status
    error_advice = _BROKEN if is_about_the_file else _NOT_ABOUT_THE_FILE
    advice = _ADVICE.get(dataset.status, error_advice)
    if dataset.status == _STATUS.NOTHING_TO_IMPORT and dataset.inferred_properties:
        # The last of them says that there was nothing, as the status does.
        found = dataset.inferred_properties["problems"][:-1]
        return " ".join([*found[:_MOST_PROBLEMS], advice])
    return advice


def _advice_on_conversion(dataset: Dataset) -> str:
    """Of one that ended: what its job says, what a retry would read, and where to have it."""
    is_uploaded = dataset.creation_type == Dataset.CreationType.UPLOAD
    is_broken_off = dataset.status == _STATUS.CONVERSION_FAILED and not dataset.job_stage
    if is_broken_off:
        advice = _READS_UPLOAD_AGAIN if is_uploaded else _READS_DISK_AGAIN
    else:
        advice = _KEPT if is_uploaded else _NOT_TOUCHED
    return format_html(
        '{} <a href="{}">Its job</a> is open to who ordered it and to admins.',
        f"{dataset.job_message} {advice}".strip(),
        reverse("conversion:job-of-dataset", args=[dataset.pk]),
    )


def numbered_lines(dataset: Dataset) -> list[tuple[int, str, bool]]:
    """The properties file that can't be used: line number, text, whether the error is there.

    Of a long file, the lines around the error: it may hold a million.
    """
    found = _LINE.search(dataset.status)
    wrong = int(found[1]) if found else 0
    first = max(wrong - _LINES_AROUND, 1)
    lines = dataset.raw_properties.splitlines()[first - 1 : first + 2 * _LINES_AROUND]
    return [(number, text, number == wrong) for number, text in enumerate(lines, start=first)]
