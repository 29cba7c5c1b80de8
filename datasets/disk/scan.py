"""The scan of one organization's directory, from listing to tables.

Costs a few queries and one written row however many datasets are as they were.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from datasets.models import Dataset, DataStore, DiskScan, Mag
from datasets.properties.sentences import printable
from datasets.storage import local
from sharing.models import Organization

from . import listing, reconcile
from .examine import examine
from .outcome import Outcome

logger = logging.getLogger(__name__)
BATCH = 100

Progress = Callable[[int, int], None]
"""Called with how many datasets were looked at, of how many; may raise to end the scan."""

_COLUMNS = ("id", "directory_name", "status", "is_virtual", "disk_signature", "data_store")


def unknown_organizations() -> list[str]:
    """The directories below binaryData that belong to no organization; scans leave them alone."""
    known = set(Organization.objects.values_list("pk", flat=True))
    try:
        names = listing.visible_names(settings.BINARY_DATA_DIR)
    except OSError as error:
        logger.error("%s can't be listed: %s", settings.BINARY_DATA_DIR, error.strerror)
        return []
    return [printable(name) for name in names if name not in known]


def scan_organization(
    organization: Organization, progress: Progress = lambda done, total: None
) -> Outcome:
    """Bring the tables in step with the organization's directory.

    Where the directory can't be listed nothing is changed. Otherwise each dataset is settled in a
    transaction of its own, so that an interrupted scan keeps what it did.
    """
    outcome = Outcome()
    # Before the listing: a dataset that comes into being meanwhile must not look missing.
    known = {
        dataset.directory_name: dataset
        for dataset in Dataset.objects.of(organization).only(*_COLUMNS).order_by()
    }
    last_scan = DiskScan.objects.filter(organization=organization).first()
    directory = local.organization_directory(organization.pk)
    try:
        found = listing.list_datasets(directory)
    except OSError as error:
        if known or not isinstance(error, FileNotFoundError):
            outcome.problems.append(
                f"The directory '{directory.name}' can't be listed ({error.strerror}), so nothing "
                "was changed. Check that its disk is mounted and readable."
            )
        return outcome
    outcome.problems += found.problems
    outcome.seen = len(found.entries)
    _settle_found(organization, found.entries, known, outcome, progress)
    _settle_missing(known, found.entries, last_scan.finished if last_scan else None, outcome)
    DiskScan.objects.update_or_create(
        organization=organization, defaults={"finished": timezone.now()}
    )
    return outcome


def _settle_found(
    organization: Organization,
    entries: dict[str, listing.Entry],
    known: dict[str, Dataset],
    outcome: Outcome,
    progress: Progress,
) -> None:
    suspects = set(
        Mag.objects.filter(layer__dataset__organization=organization)
        .exclude(problem="")
        .values_list("layer__dataset", flat=True)
    )
    fresh = []
    for number, (name, entry) in enumerate(entries.items()):
        if number % BATCH == 0:
            progress(number, len(entries))
        dataset = known.get(name)
        if dataset is None:
            fresh.append(examine(entry))
        elif not reconcile.is_untouchable(dataset) and (
            dataset.disk_signature != entry.signature or dataset.pk in suspects
        ):
            reconcile.update(dataset.pk, examine(entry), outcome)
        if len(fresh) == BATCH:
            reconcile.add(organization, fresh, outcome)
            fresh = []
    if fresh:
        reconcile.add(organization, fresh, outcome)


def _settle_missing(
    known: dict[str, Dataset],
    entries: dict[str, listing.Entry],
    last_seen: datetime | None,
    outcome: Outcome,
) -> None:
    for name in known.keys() - entries.keys():
        dataset = known[name]
        if (
            reconcile.is_untouchable(dataset)
            or dataset.is_unreported
            or dataset.data_store_id != DataStore.LOCAL
            or local.dataset_directory(dataset).is_dir()  # overlooked by the listing
        ):
            continue
        reconcile.mark_missing(dataset.pk, last_seen, outcome)
