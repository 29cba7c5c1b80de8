"""Saves a dataset's data source: into its properties file and the tables, in step.

What an edit may change is for datasets.properties.merge; who is asked for what, for the pages.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import transaction

from datasets import properties
from datasets.access import Action, require
from datasets.disk import listing, reconcile
from datasets.disk.examine import examine, problems_of
from datasets.disk.outcome import Outcome
from datasets.disk.places import find_places, record_places
from datasets.models import Dataset
from datasets.properties import DataSource
from datasets.properties.compare import content_hash
from datasets.storage import local
from sharing.access import Actor
from sharing.errors import Conflict, Invalid, ServiceError

from .data_source import change, store

_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}


class NotWritten(ServiceError):
    """The disk took nothing: it is full or failing."""

    status = 507


class ChangedOnDisk(Conflict):
    """Saving would lose what somebody else wrote into the properties file."""


def save_data_source(*, actor: Actor, dataset: Dataset, data_source: DataSource) -> bool:
    """Make `data_source` the dataset's; whether the properties file was written too.

    What the file said before goes into the log of backups beside it. In a directory that the site
    may only read, the tables alone change. Raises Invalid with every problem; Conflict where the
    file was changed on disk meanwhile, which is then offered as pending; NotWritten for a disk that
    is full.
    """
    require(actor, Action.EDIT, dataset)
    directory = local.dataset_directory(dataset)
    if found := problems_of(directory, data_source):
        raise Invalid(*found)
    places = {} if dataset.is_virtual else find_places(directory, data_source)
    with noticing_changes(dataset), transaction.atomic():
        locked = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        require_unchanged(locked)
        store(locked, data_source)
        record_places(locked, places)
        is_written = publish(locked, data_source)
    dataset.refresh_from_db()
    return is_written


@contextmanager
def noticing_changes(dataset: Dataset) -> Iterator[None]:
    """Around a transaction that saves settings: where the file was changed on disk meanwhile, take
    note of the difference before telling of it.
    """
    try:
        yield
    except ChangedOnDisk:
        entry = listing.entry_of(local.dataset_directory(dataset))
        if entry is not None:
            reconcile.update(dataset.pk, examine(entry), Outcome())
        raise


def require_unchanged(dataset: Dataset) -> None:
    """Raise Conflict where settings can't be saved now; the caller holds the dataset's lock."""
    if dataset.status in reconcile.UNTOUCHED:
        raise Conflict(f"'{dataset}' can't be changed: {dataset.status}")
    if not dataset.is_virtual and (conflict := _conflict(dataset)) is not None:
        raise conflict


def publish(dataset: Dataset, data_source: DataSource) -> bool:
    """Write what the tables say since `store` to the properties file; whether that was possible.

    The caller holds the dataset's lock. A virtual dataset has no file.
    """
    if dataset.is_virtual:
        return False
    directory = local.dataset_directory(dataset)
    is_written = _write(dataset, directory, data_source)
    change(dataset, status="", raw_properties="", inferred_properties=None)
    if is_written:
        change(
            dataset,
            properties_hash=content_hash(data_source),
            disk_signature=listing.signature_of(directory),
            dismissed_hash="",
        )
    return is_written


def _conflict(dataset: Dataset) -> Conflict | None:
    """Why saving would lose what somebody else wrote."""
    directory = local.dataset_directory(dataset)
    if not directory.is_dir():
        return ChangedOnDisk(f"The directory of '{dataset}' can't be read. Restore it and reload.")
    if dataset.pending_hash:
        return ChangedOnDisk(
            f"The settings of '{dataset}' were changed on disk. Apply or dismiss that difference "
            "first, then save again."
        )
    if listing.signature_of(directory) == dataset.disk_signature:
        return None
    try:
        current = content_hash(properties.read(directory / properties.FILE_NAME))
    except FileNotFoundError:
        return None
    except properties.UnreadableProperties:
        current = ""
    if current and current in (dataset.properties_hash, dataset.dismissed_hash):
        return None
    return ChangedOnDisk(
        f"The settings of '{dataset}' were changed on disk meanwhile, so yours were not saved. "
        "Look at the difference, apply or dismiss it, and save again."
    )


def _write(dataset: Dataset, directory: Path, data_source: DataSource) -> bool:
    try:
        properties.write(directory / properties.FILE_NAME, data_source)
    except OSError as error:
        if error.errno in _READ_ONLY:
            return False
        raise NotWritten(
            f"The settings of '{dataset}' could not be written ({error.strerror}); they are as "
            "they were. Free space on the disk, then save again."
        ) from error
    return True
