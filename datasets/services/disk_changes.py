"""What people do about changes on disk: look at a waiting difference, apply or dismiss it, or have
one dataset's directory looked at now.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from datasets import properties
from datasets.access import Action, require
from datasets.disk import listing, reconcile
from datasets.disk.examine import Examined, examine
from datasets.disk.outcome import Outcome
from datasets.models import Dataset, DataStore, DiskScan
from datasets.properties.compare import Change, difference
from datasets.storage import local
from sharing.access import Actor
from sharing.errors import Conflict

from .data_source import change, load
from .stored_json import restored


def pending_difference(dataset: Dataset) -> tuple[dict[str, Any], list[Change]] | None:
    """The complete settings that wait to be applied, and what they would change; None where
    nothing waits. Both are JSON-able.
    """
    if not dataset.pending_hash or dataset.pending_properties is None:
        return None
    waiting = properties.parse(restored(dataset.pending_properties))
    return waiting.to_json(), difference(load(dataset), waiting)


def apply_pending(*, actor: Actor, dataset: Dataset, pending_hash: str) -> None:
    """Take the difference that the person has looked at, which `pending_hash` names.

    Raises Conflict where the disk or another person was faster.
    """
    require(actor, Action.EDIT, dataset)
    examined = _examine_now(dataset)
    with transaction.atomic():
        locked = _locked_with_pending(dataset, pending_hash)
        is_as_seen = examined.content_hash == pending_hash
        if is_as_seen:
            reconcile.take(locked, examined)
    outcome = Outcome()
    if is_as_seen:
        reconcile.write_if_inferred(locked, examined, outcome)
    else:
        reconcile.update(dataset.pk, examined, outcome)
    dataset.refresh_from_db()
    if not is_as_seen:
        raise Conflict(
            f"The settings of '{dataset}' on disk have changed again. Look at what they are now."
        )


def dismiss_pending(*, actor: Actor, dataset: Dataset, pending_hash: str) -> None:
    """Keep the settings as they are; the difference is offered again only when the disk changes."""
    require(actor, Action.EDIT, dataset)
    with transaction.atomic():
        locked = _locked_with_pending(dataset, pending_hash)
        change(locked, dismissed_hash=pending_hash, pending_hash="", pending_properties=None)
    dataset.refresh_from_db()


def reconsider_dismissed(*, actor: Actor, dataset: Dataset) -> None:
    """Let the difference between disk and tables wait again that somebody dismissed."""
    require(actor, Action.EDIT, dataset)
    examined = _examine_now(dataset)
    with transaction.atomic():
        locked = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        change(locked, dismissed_hash="")
    reconcile.update(dataset.pk, examined, Outcome())
    dataset.refresh_from_db()


def last_seen_on_disk(dataset: Dataset) -> datetime | None:
    """When a scan last found the dataset's directory; None where none has yet.

    A scan that finds a dataset as it was writes nothing of it: it stands for all that it found.
    """
    is_scanned = dataset.data_store_id == DataStore.LOCAL and not dataset.is_unreported
    if not is_scanned or reconcile.is_untouchable(dataset):
        return dataset.last_seen
    scans = DiskScan.objects.filter(organization=dataset.organization_id)
    finished = scans.values_list("finished", flat=True).first()
    return max((time for time in (dataset.last_seen, finished) if time), default=None)


def reload_dataset(*, actor: Actor, dataset: Dataset) -> Outcome:
    """Look at the dataset's directory now, and have everything read anew that was read of it.

    Raises Conflict where its organization's directory can't be read.
    """
    require(actor, Action.EDIT, dataset)
    outcome = Outcome(seen=1)
    if not reconcile.is_untouchable(dataset):
        entry = listing.entry_of(local.dataset_directory(dataset))
        if entry is not None:
            reconcile.update(dataset.pk, examine(entry), outcome)
        elif local.organization_directory(dataset.organization_id).is_dir():
            reconcile.mark_missing(dataset.pk, dataset.last_seen, outcome)
        else:
            raise Conflict("The data directory can't be read. Check that its disk is mounted.")
    with transaction.atomic():
        locked = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        change(locked, version=locked.version + 1)
    dataset.refresh_from_db()
    return outcome


def _examine_now(dataset: Dataset) -> Examined:
    entry = listing.entry_of(local.dataset_directory(dataset))
    if entry is None:
        raise Conflict(f"The directory of '{dataset}' is gone. Restore it and reload the dataset.")
    return examine(entry)


def _locked_with_pending(dataset: Dataset, pending_hash: str) -> Dataset:
    locked = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
    if not locked.pending_hash or locked.pending_hash != pending_hash:
        raise Conflict(
            f"That difference of '{dataset}' no longer waits: it was applied, dismissed or "
            "replaced by another one. Reload the page."
        )
    return locked
