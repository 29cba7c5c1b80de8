"""Empties the trash of data that was moved aside, once the tables say that nobody needs it."""

import logging
import os
import time
from pathlib import Path

from celery import current_app
from django.db import transaction

from datasets.models import Dataset
from datasets.storage import local, trash
from sharing.models import Organization

from .data_users import absolute, named_paths

# Whoever moved something aside less than this long ago may still be about to commit.
GRACE_SECONDS = 3600
# Uploads are taken in by the same worker, and somebody waits for each.
_STRETCH_SECONDS = 20.0

logger = logging.getLogger(__name__)


def empty_after_commit(organization_id: str, removal: trash.Removal) -> None:
    """Have a worker remove for good what was moved aside, if anything was."""

    def send() -> None:
        if removal.entries:
            _send(organization_id)

    # Without a broker the data waits in the trash for the next time.
    transaction.on_commit(send, robust=True)


def empty(organization_id: str, seconds: float = _STRETCH_SECONDS) -> None:
    """Remove what the tables no longer know. What they still know was moved by somebody who is
    about to commit, or was killed before: after a while it is put back.

    When so much time has passed, the rest is left to a worker, after what that has to do by then.
    """
    until = time.monotonic() + seconds
    for directory in local.organization_directories(organization_id):
        for entry in trash.entries(directory):
            try:
                if not _settle(organization_id, directory / entry.origin, entry, until):
                    _send(organization_id)
                    return
            except (OSError, RecursionError) as error:  # folders may be nested without end
                logger.warning("%s stays in the trash: %s", entry.origin, error)


def empty_all() -> None:
    """The same for every organization."""
    for organization_id in Organization.objects.values_list("pk", flat=True):
        empty(organization_id)


def _send(organization_id: str) -> None:
    current_app.send_task("datasets.tasks.empty_trash", args=[organization_id])


def _settle(organization_id: str, place: Path, entry: trash.Entry, until: float) -> bool:
    """Whether it was time enough for what is to be done about the entry."""
    if not _is_known(organization_id, place, entry.origin):
        return entry.remove(until)
    if entry.age > GRACE_SECONDS:
        if os.path.lexists(place):
            return entry.remove(until)
        entry.put_back()
        logger.warning("%s was put back from the trash", entry.origin)
    return True


def _is_known(organization_id: str, place: Path, origin: str) -> bool:
    """Whether a dataset, or a mag or attachment of one, is said to lie at the place."""
    directory_name, _, inner = origin.partition("/")
    dataset = (
        Dataset.objects.of(organization_id)
        .filter(directory_name=directory_name)
        .exclude(status=Dataset.Status.DELETED)
        .first()
    )
    if dataset is None or not inner:
        return dataset is not None
    directory = local.dataset_directory(dataset)
    named = {absolute(directory, path) for path in named_paths(dataset)}
    # Uploads to paths are named where they really lie.
    return not named.isdisjoint({place, Path(os.path.realpath(place.parent)) / place.name})
