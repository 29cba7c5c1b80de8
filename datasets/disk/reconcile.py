"""Who wins between disk and tables: decides what the tables take of an examined directory.

A new directory is taken. A dataset that can't be used takes whatever can be. For one in use a
difference waits as pending until a person applies it, unless APPLY_DISK_CHANGES says otherwise.
"""

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from datasets import properties
from datasets.models import Dataset, DataStore, Mag
from datasets.properties.compare import content_hash
from datasets.services import audience
from datasets.services.data_source import change, clear, load, store
from datasets.services.data_stores import local_data_store
from datasets.services.folders import root_of
from sharing.models import Organization

from . import listing
from .attachments import with_discovered
from .examine import Examined, inferred_document
from .outcome import Finding, Outcome
from .places import find_places, record_places

# A copy in progress must not be frozen into a properties file: it is written once the directory
# has been quiet for that long.
QUIET_SECONDS = 60

logger = logging.getLogger(__name__)

UNTOUCHED = (
    Dataset.Status.NOT_UPLOADED,
    Dataset.Status.NOT_UPLOADED_TO_PATHS,
    Dataset.Status.DELETED,
    *Dataset.UNCONVERTED,
)


def is_untouchable(dataset: Dataset) -> bool:
    """Whether scans leave the dataset alone: the tables alone know of it."""
    return dataset.is_virtual or dataset.status in UNTOUCHED


def add(organization: Organization, found: Sequence[Examined], outcome: Outcome) -> None:
    """Take in directories that no dataset had, as datasets of the root folder and of no team."""
    folder, data_store = root_of(organization), local_data_store()
    with transaction.atomic():
        # Two scans of one directory take turns, so that neither meets the other's rows.
        audience.hold({organization.pk})
        taken = set(
            Dataset.objects.of(organization)
            .filter(directory_name__in=[examined.entry.name for examined in found])
            .values_list("directory_name", flat=True)
        )
        fresh = {
            examined.entry.name: examined for examined in found if examined.entry.name not in taken
        }
        datasets = Dataset.objects.bulk_create(
            Dataset(
                organization=organization,
                directory_name=name,
                name=name,
                folder=folder,
                data_store=data_store,
                status=examined.status,
                last_seen=timezone.now(),
            )
            for name, examined in fresh.items()
        )
        audience.refresh(datasets)
        for dataset in datasets:
            _settle_new(dataset, fresh[dataset.directory_name], outcome)
    for dataset in datasets:
        write_if_inferred(dataset, fresh[dataset.directory_name], outcome)


def update(dataset_id: str, examined: Examined, outcome: Outcome) -> None:
    """Decide what a known dataset takes of what its directory says now."""
    with transaction.atomic():
        dataset = Dataset.objects.select_for_update(no_key=True).filter(pk=dataset_id).first()
        if dataset is None or is_untouchable(dataset) or not _adopt(dataset):
            return
        taken = _settle(dataset, examined, outcome)
    if taken:
        write_if_inferred(dataset, examined, outcome)
    elif dataset.is_active and dataset.voxel_size is not None:
        _look_for_mags_in_use(dataset, examined.entry.path, outcome)


def take(dataset: Dataset, examined: Examined) -> None:
    """Make the tables say what the disk says; the caller holds the dataset's lock."""
    assert examined.data_source is not None  # noqa: S101 (the caller saw that it can be used)
    store(dataset, with_discovered(examined.entry.path, examined.data_source))
    record_places(dataset, examined.places)
    change(
        dataset,
        status="",
        properties_hash=examined.content_hash,
        **_seen(examined),
        **NOTHING_WAITS,
    )


def mark_missing(dataset_id: str, last_seen: datetime | None, outcome: Outcome) -> None:
    """The dataset's directory is gone. What only the tables know (folder, teams, tags, views)
    stays, and is there again when the directory is.
    """
    with transaction.atomic():
        dataset = Dataset.objects.select_for_update(no_key=True).filter(pk=dataset_id).first()
        if dataset is None or is_untouchable(dataset) or dataset.is_unreported:
            return
        clear(dataset)
        change(
            dataset,
            status=Dataset.Status.NO_LONGER_AVAILABLE.value,
            properties_hash="",
            disk_signature="",
            last_seen=last_seen or dataset.last_seen,
            **NOTHING_WAITS,
        )
    outcome.missing.append(Finding(dataset.pk, dataset.directory_name, dataset.status))


NOTHING_WAITS = {
    "raw_properties": "",
    "inferred_properties": None,
    "pending_properties": None,
    "pending_hash": "",
    "dismissed_hash": "",
}


def _settle_new(dataset: Dataset, examined: Examined, outcome: Outcome) -> None:
    if examined.data_source is None:
        _mark_unusable(dataset, examined, outcome, is_new=True)
    else:
        take(dataset, examined)
        outcome.added.append(Finding(dataset.pk, dataset.directory_name, is_new=True))
    _note(dataset, examined, outcome)


def _settle(dataset: Dataset, examined: Examined, outcome: Outcome) -> bool:
    """Whether the dataset's properties are now those that the disk says."""
    if dataset.disk_signature != examined.entry.signature:
        _note(dataset, examined, outcome)
    if examined.data_source is None:
        if dataset.is_active and examined.inference is not None:
            if listing.is_of_file(dataset.disk_signature):
                text = "Its properties file is gone; the site goes on with what it knows of it."
                outcome.notes.append(Finding(dataset.pk, dataset.directory_name, text))
            change(dataset, **_seen(examined))
        elif dataset.status == examined.status:
            change(dataset, **_as_found(examined), **_seen(examined))
        else:
            _mark_unusable(dataset, examined, outcome)
        return False
    if dataset.is_active and examined.content_hash == dataset.properties_hash:
        _refresh(dataset, examined)
        return True
    if dataset.is_active and not _takes_effect_at_once(dataset, examined):
        _let_wait(dataset, examined, outcome)
        return False
    recovers = not dataset.is_active
    take(dataset, examined)
    finding = Finding(dataset.pk, dataset.directory_name)
    (outcome.recovered if recovers else outcome.changed).append(finding)
    return True


def _takes_effect_at_once(dataset: Dataset, examined: Examined) -> bool:
    if settings.APPLY_DISK_CHANGES:
        return True
    # What was inferred of a growing directory and edited by nobody follows the directory.
    return (
        examined.inference is not None
        and not listing.is_of_file(dataset.disk_signature)
        and content_hash(load(dataset)) == dataset.properties_hash
    )


def _let_wait(dataset: Dataset, examined: Examined, outcome: Outcome) -> None:
    if examined.content_hash == dataset.pending_hash:
        change(dataset, **_seen(examined))
        return
    if examined.content_hash == dataset.dismissed_hash:
        change(dataset, pending_properties=None, pending_hash="", **_seen(examined))
        return
    assert examined.data_source is not None  # noqa: S101 (see _settle)
    change(
        dataset,
        pending_properties=examined.data_source.to_json(),
        pending_hash=examined.content_hash,
        **_seen(examined),
    )
    outcome.pending.append(Finding(dataset.pk, dataset.directory_name))


def _look_for_mags_in_use(dataset: Dataset, directory: Path, outcome: Outcome) -> None:
    """The site goes on with settings that are not the disk's, so their mags were not examined."""
    places = find_places(directory, load(dataset))  # reads files, so it holds no lock
    with transaction.atomic():
        locked = (
            Dataset.objects.select_for_update(no_key=True).filter(pk=dataset.pk, status="").first()
        )
        if locked is None or locked.properties_hash != dataset.properties_hash:
            return  # somebody was faster; the next scan looks again
        mags = Mag.objects.filter(layer__dataset=dataset)
        known = set(mags.values_list("problem", flat=True))
        known |= {note.text for note in outcome.notes if note.dataset_id == dataset.pk}
        if record_places(locked, places):
            change(locked, version=locked.version + 1)
    found = [
        place.problem for place in places.values() if place.problem and place.problem not in known
    ]
    outcome.notes += [Finding(dataset.pk, dataset.directory_name, text) for text in found]


def _refresh(dataset: Dataset, examined: Examined) -> None:
    """The properties are those that were taken: only files around them may be new."""
    store(dataset, with_discovered(examined.entry.path, load(dataset)))
    moved = record_places(dataset, examined.places)
    version = dataset.version + (1 if moved else 0)
    change(dataset, version=version, **_seen(examined), **NOTHING_WAITS)


def _mark_unusable(
    dataset: Dataset, examined: Examined, outcome: Outcome, *, is_new: bool = False
) -> None:
    change(
        dataset,
        status=examined.status,
        pending_properties=None,
        pending_hash="",
        **_as_found(examined),
        **_seen(examined),
    )
    findings = outcome.not_imported if examined.inference else outcome.broken
    findings.append(Finding(dataset.pk, dataset.directory_name, examined.status, is_new))


def _as_found(examined: Examined) -> dict[str, Any]:
    inference = examined.inference
    return {
        "raw_properties": examined.raw,
        "inferred_properties": inferred_document(inference) if inference else None,
    }


def _seen(examined: Examined) -> dict[str, str]:
    return {"disk_signature": examined.entry.signature}


def _note(dataset: Dataset, examined: Examined, outcome: Outcome) -> None:
    outcome.notes += [Finding(dataset.pk, dataset.directory_name, note) for note in examined.notes]


def _adopt(dataset: Dataset) -> bool:
    """Whether the dataset is this data store's, or becomes it: it was lost, or on scratch."""
    if dataset.data_store_id == DataStore.LOCAL:
        return True
    here = local_data_store()
    if dataset.is_unreported or (dataset.data_store.is_scratch and not here.is_scratch):
        change(dataset, data_store=here)
        return True
    logger.info("%s was ignored: it lies on %s", dataset.directory_name, dataset.data_store_id)
    return False


def write_if_inferred(dataset: Dataset, examined: Examined, outcome: Outcome) -> None:
    """Keep the disk the truth: write down what was inferred and taken."""
    if examined.inference is None or examined.data_source is None:
        return
    directory = examined.entry.path
    if time.time() - listing.last_change(directory) < QUIET_SECONDS:
        change(dataset, disk_signature="")  # so that the next scan looks again
        return
    data_source = load(dataset)
    try:
        properties.write(directory / properties.FILE_NAME, data_source)
    except OSError as error:
        text = f"{properties.FILE_NAME} could not be written ({error.strerror}); it is kept here."
        outcome.notes.append(Finding(dataset.pk, dataset.directory_name, text))
    else:
        signature = listing.signature_of(directory)
        change(dataset, disk_signature=signature, properties_hash=content_hash(data_source))
