"""Keeps `DatasetTeam` equal to what the grants say: expected minus current, in one transaction.

The truth is the grants on datasets and folders. A team reads a dataset when it is granted on it, on
its folder, or on any ancestor of that folder.
"""

from collections import defaultdict
from collections.abc import Iterable

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

READ_DATASET = "read_dataset"
READ_FOLDER = "read_folder"
_BATCH = 1000


def teams_of_folder(folder: Folder) -> set[str]:
    """The ids of the teams granted on the folder or on any of its ancestors."""
    chain = Folder.objects.ancestors(folder.pk, include_self=True)
    return set(
        FolderGroupObjectPermission.objects.filter(
            content_object__in=[node.pk for node in chain], permission__codename=READ_FOLDER
        ).values_list("group__team", flat=True)
    )


def refresh_below(folder: Folder) -> None:
    """Refresh the datasets of the folder and of everything below it."""
    folders = Folder.objects.descendants(folder.pk, include_self=True)
    refresh(Dataset.objects.filter(folder__in=[node.pk for node in folders]))


def refresh(datasets: QuerySet[Dataset] | Iterable[Dataset]) -> int:
    """Make the pairs of these datasets what the grants say; the number of pairs changed."""
    folder_of = (
        dict(datasets.values_list("pk", "folder_id"))
        if isinstance(datasets, QuerySet)
        else {dataset.pk: dataset.folder_id for dataset in datasets}
    )
    changed = 0
    with transaction.atomic():
        inherited = _inherited_teams()
        ids = list(folder_of)
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            own: dict[str, set[str]] = defaultdict(set)
            for dataset_id, team_id in DatasetGroupObjectPermission.objects.filter(
                content_object__in=batch, permission__codename=READ_DATASET
            ).values_list("content_object_id", "group__team"):
                own[dataset_id].add(team_id)
            expected = {
                (dataset_id, team_id)
                for dataset_id in batch
                for team_id in own[dataset_id] | inherited[folder_of[dataset_id]]
            }
            current = {
                (pair.dataset_id, pair.team_id): pair.pk
                for pair in DatasetTeam.objects.filter(dataset__in=batch)
            }
            missing = expected - current.keys()
            DatasetTeam.objects.bulk_create(
                [DatasetTeam(dataset_id=d, team_id=t) for d, t in sorted(missing)],
                ignore_conflicts=True,
            )
            superfluous = [current[pair] for pair in current.keys() - expected]
            DatasetTeam.objects.filter(pk__in=superfluous).delete()
            changed += len(missing) + len(superfluous)
        if changed:
            generation.bump_on_commit()
    return changed


def _inherited_teams() -> dict[str, set[str]]:
    """For every folder, the teams granted on it or on an ancestor; three queries in all."""
    granted: dict[str, set[str]] = defaultdict(set)
    for folder_id, team_id in FolderGroupObjectPermission.objects.filter(
        permission__codename=READ_FOLDER
    ).values_list("content_object_id", "group__team"):
        granted[folder_id].add(team_id)
    parent_of = dict(Folder.objects.values_list("pk", "parent_id"))
    teams: dict[str, set[str]] = {}

    def resolve(folder_id: str) -> set[str]:
        chain = []
        while folder_id and folder_id not in teams:
            chain.append(folder_id)
            folder_id = parent_of[folder_id]
        result = teams.get(folder_id, set())
        for node in reversed(chain):
            result = result | granted[node]
            teams[node] = result
        return result

    for folder_id in parent_of:
        resolve(folder_id)
    return teams
