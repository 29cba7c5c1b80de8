"""What is to be said of one dataset's directory: its properties, or why it has none to use.

Only the disk is asked. What the tables take of it is for `reconcile`.
"""

import contextlib
import logging
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from django.db import DatabaseError

from datasets import properties
from datasets.models import Dataset
from datasets.properties import DataSource, files
from datasets.properties.compare import content_hash
from datasets.properties.infer import Inference, infer
from datasets.properties.record import JsonObject
from datasets.properties.sentences import fitting, grouped
from datasets.services import data_source as data_sources
from datasets.storage import local
from sharing.errors import ServiceError

from .listing import Entry
from .places import Places, find_places

logger = logging.getLogger(__name__)

RAW_LIMIT = 1024 * 1024  # characters of a broken properties file that are kept


@dataclass(frozen=True)
class Examined:
    """A dataset's directory, looked into.

    Either `data_source` is there, or `status` says why the dataset can't be used. `inference` is
    there where no properties file is. `notes` are sentences about what does not stop its use.
    """

    entry: Entry
    data_source: DataSource | None = None
    status: str = ""
    raw: str = ""
    inference: Inference | None = None
    places: Places = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @cached_property
    def content_hash(self) -> str:
        """The hash of what the disk says; empty where that can't be used."""
        return content_hash(self.data_source) if self.data_source else ""


def examine(entry: Entry) -> Examined:
    """Look into the directory: read its properties file, or infer one.

    One that this code fails at can't be used and stops no other. Trouble of the disk or of the
    database is raised: it says nothing of the dataset.
    """
    try:
        return _examine(entry)
    except (OSError, DatabaseError):
        raise
    except Exception:
        reference = secrets.token_hex(4)
        logger.exception("%s can't be looked into (reference %s)", entry.name, reference)
        return Examined(
            entry,
            status=_cut(
                "Error: Something in this dataset could not be understood. Give your operator the "
                f"reference {reference}: the log says what."
            ),
        )


def _examine(entry: Entry) -> Examined:
    if entry.problem:
        return Examined(entry, status=_cut(entry.problem))
    if found := list(_link_problems(entry.path)):
        return Examined(entry, status=_cut(f"Error: {' '.join(found)}"))
    path = entry.path / properties.FILE_NAME
    try:
        data_source = properties.read(path)
    except properties.UnreadableProperties as error:
        return Examined(entry, status=_cut(str(error)), raw=_raw(path))
    except FileNotFoundError:
        return _examine_without_file(entry)
    found = problems_of(entry.path, data_source)
    if found:
        return Examined(entry, status=_cut(f"Error: {' '.join(found)}"), raw=_raw(path))
    return _usable(entry, data_source)


def inferred_document(inference: Inference) -> JsonObject:
    """What was inferred, as JSON-able data: a data source that may lack its `scale`, with what is
    `missing` and the `problems` that came up.
    """
    return {
        "id": {"name": inference.name, "team": ""},
        "scale": inference.voxel_size.to_json() if inference.voxel_size else None,
        "dataLayers": [layer.to_json() for layer in inference.layers],
        "missing": list(inference.missing),
        "problems": list(inference.problems),
    }


def problems_of(directory: Path, data_source: DataSource) -> list[str]:
    """Why the data source can't be used for the data in the directory, as sentences."""
    return grouped(
        list(_link_problems(directory))
        or data_sources.problems(data_source)
        or _path_problems(directory, data_source)
    )


def _examine_without_file(entry: Entry) -> Examined:
    inference = infer(entry.path, entry.name)
    data_source = inference.data_source
    found = problems_of(entry.path, data_source) if data_source else []
    if data_source is not None and not found:
        return _usable(entry, data_source, inference)
    return Examined(
        entry,
        status=(
            Dataset.Status.NOT_IMPORTED if inference.layers else Dataset.Status.NOTHING_TO_IMPORT
        ).value,
        inference=inference,
        notes=(*inference.problems, *found),
    )


def _usable(entry: Entry, data_source: DataSource, inference: Inference | None = None) -> Examined:
    places = find_places(entry.path, data_source)
    notes = tuple(place.problem for place in places.values() if place.problem)
    inferred_notes = inference.problems if inference else ()
    return Examined(
        entry,
        data_source=data_source,
        inference=inference,
        places=places,
        notes=(*inferred_notes, *notes),
    )


def _link_problems(directory: Path) -> Iterator[str]:
    for path in (directory, directory / properties.FILE_NAME):
        if local.is_private(Path(os.path.realpath(path))):
            yield f"'{path.name}' is a link to the site's own files. Correct the link."


def _path_problems(directory: Path, data_source: DataSource) -> Iterator[str]:
    for layer in data_source.layers:
        named = [(f"mag {mag.mag.literal}", mag.path) for mag in layer.mags if mag.path]
        for kind, attachments in layer.attachments.by_kind().items():
            named += [(f"{kind} '{file.name}'", file.path) for file in attachments]
        for thing, path in named:
            try:
                local.resolve(directory, path)
            except ServiceError as error:
                yield f"Layer '{layer.name}', {thing}: {error}"


def _raw(path: Path) -> str:
    with contextlib.suppress(OSError, ValueError):
        text = files.contents(path).decode(errors="replace")
        return text[:RAW_LIMIT].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return ""


def _cut(status: str) -> str:
    return fitting(status, Dataset._meta.get_field("status").max_length or 0)
