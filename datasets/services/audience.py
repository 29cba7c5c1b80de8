"""Keeps `DatasetTeam` equal to what the grants say: expected minus current, in one transaction.

The truth is the grants on datasets and folders. A team reads a dataset when it is granted on it, on
its folder, or on any ancestor of that folder.

Two changes at once (a team loses a folder while a dataset moves into it) must not each work from
what they saw before the other: whoever refreshes holds the organization's row until its transaction
ends, and reads the truth only then. Who locks a dataset and changes its readers holds the
organization first: locks taken in one order (organization, dataset) never wait in a circle. No lock
is on a row's key (`no_key`), so that others may go on to refer to the row.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from django.db import transaction
from django.db.models import QuerySet

from datasets.models import (
    Dataset,
    DatasetGroupObjectPermission,
    DatasetTeam,
    Folder,
    FolderGroupObjectPermission,
)
from sharing import generation
from sharing.models import Organization

READ_DATASET = "read_dataset"
READ_FOLDER = "read_folder"
_BATCH = 1000

Pair = tuple[str, str]
"""The ids of a dataset and of a team that may read it."""


@dataclass(frozen=True)
class Difference:
    """What has to be added to `DatasetTeam` and removed from it to agree with the grants."""

    missing: frozenset[Pair]
    superfluous: frozenset[Pair]

    def __len__(self) -> int:
        return len(self.missing) + len(self.superfluous)


def teams_of_folder(folder: Folder) -> set[str]:
    """The ids of the teams granted on the folder or on any of its ancestors."""
    return _inherited_teams({folder.pk})[folder.pk]


def hold(organization_ids: Iterable[str]) -> None:
    """Let no other refresh of these organizations run until the caller's transaction ends.

    To be called before the lock of any dataset is taken.
    """
    held = Organization.objects.filter(pk__in=set(organization_ids)).order_by("pk")
    list(held.select_for_update(no_key=True).values_list("pk"))


def refresh_below(folder: Folder) -> int:
    """Refresh the datasets of the folder and of everything below it."""
    with transaction.atomic():
        hold({folder.organization_id})
        folders = list(Folder.objects.subtree_of(folder.pk).values_list("pk", flat=True))
        return refresh(Dataset.objects.filter(folder__in=folders))


def refresh(datasets: QuerySet[Dataset] | Iterable[Dataset]) -> int:
    """Make the pairs of these datasets what the grants say; the number of pairs changed.

    Of the datasets only the keys are taken: where they lie is read anew.
    """
    changed = 0
    with transaction.atomic():
        for batch in _batches(datasets):
            hold(Dataset.objects.filter(pk__in=batch).values_list("organization_id", flat=True))
            difference = _difference(batch)
            _apply(difference)
            changed += len(difference)
        if changed:
            generation.bump_on_commit()
    return changed


def differences() -> Iterator[Difference]:
    """How the table differs from the grants, batch by batch over all datasets; changes nothing."""
    for batch in _batches(Dataset.objects.all()):
        difference = _difference(batch)
        if difference:
            yield difference


def _batches(datasets: QuerySet[Dataset] | Iterable[Dataset]) -> Iterator[list[str]]:
    keys = (
        iter(list(datasets.order_by("pk").values_list("pk", flat=True)))
        if isinstance(datasets, QuerySet)
        else iter(sorted(dataset.pk for dataset in datasets))
    )
    while batch := list(islice(keys, _BATCH)):
        yield batch


def _difference(dataset_ids: list[str]) -> Difference:
    folder_of = dict(
        Dataset.objects.filter(pk__in=dataset_ids).values_list("pk", "folder_id").order_by()
    )
    inherited = _inherited_teams(set(folder_of.values()))
    expected = {
        (dataset_id, team_id)
        for dataset_id, folder_id in folder_of.items()
        for team_id in inherited[folder_id]
    }
    expected |= set(
        DatasetGroupObjectPermission.objects.filter(
            content_object__in=dataset_ids,
            permission__codename=READ_DATASET,
            group__team__isnull=False,
        ).values_list("content_object_id", "group__team")
    )
    current = set(
        DatasetTeam.objects.filter(dataset__in=dataset_ids).values_list("dataset_id", "team_id")
    )
    return Difference(frozenset(expected - current), frozenset(current - expected))


def _apply(difference: Difference) -> None:
    DatasetTeam.objects.bulk_create(
        [DatasetTeam(dataset_id=d, team_id=t) for d, t in sorted(difference.missing)],
        ignore_conflicts=True,
    )
    datasets_of = defaultdict(list)
    for dataset_id, team_id in difference.superfluous:
        datasets_of[team_id].append(dataset_id)
    for team_id, dataset_ids in datasets_of.items():
        DatasetTeam.objects.filter(team=team_id, dataset__in=dataset_ids).delete()


def _inherited_teams(folder_ids: set[str]) -> dict[str, set[str]]:
    """For each of these folders, the teams granted on it or on an ancestor.

    One query per level of the tree, however many folders, and one for the grants.
    """
    parent_of: dict[str, str | None] = {}
    level = folder_ids
    while level:
        found = Folder.objects.filter(pk__in=level).values_list("pk", "parent_id").order_by()
        parent_of.update(found)
        level = {parent for _, parent in found if parent is not None} - parent_of.keys()
    granted: dict[str, set[str]] = defaultdict(set)
    for folder_id, team_id in FolderGroupObjectPermission.objects.filter(
        content_object__in=parent_of.keys(),
        permission__codename=READ_FOLDER,
        group__team__isnull=False,
    ).values_list("content_object_id", "group__team"):
        granted[folder_id].add(team_id)

    def teams_along(folder_id: str | None) -> set[str]:
        teams: set[str] = set()
        while folder_id is not None:
            teams |= granted[folder_id]
            folder_id = parent_of[folder_id]
        return teams

    return {folder_id: teams_along(folder_id) for folder_id in folder_ids}
