"""Which teams a dataset was given to: set by its editors, read for lists of datasets."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from datasets.access import Action, require
from datasets.models import Dataset, DatasetGroupObjectPermission, DatasetTeam
from sharing.access import Actor
from sharing.models import Team

from .audience import READ_DATASET, hold
from .granting import give_to_teams


@dataclass(frozen=True)
class TeamsOfDataset:
    """The teams granted on a dataset itself, and those together with its folders' teams."""

    own: tuple[Team, ...] = ()
    cumulative: tuple[Team, ...] = ()


def teams_of(datasets: Iterable[Dataset]) -> Mapping[str, TeamsOfDataset]:
    """The teams of each of these datasets, by its id; three queries."""
    ids = [dataset.pk for dataset in datasets]
    own, cumulative = defaultdict(set), defaultdict(set)
    for dataset_id, team_id in DatasetGroupObjectPermission.objects.filter(
        content_object__in=ids, permission__codename=READ_DATASET, group__team__isnull=False
    ).values_list("content_object", "group__team"):
        own[dataset_id].add(team_id)
    for dataset_id, team_id in DatasetTeam.objects.filter(dataset__in=ids).values_list(
        "dataset", "team"
    ):
        cumulative[dataset_id].add(team_id)
    named = set().union(*own.values(), *cumulative.values())
    teams = list(Team.objects.filter(pk__in=named)) if named else []

    def those(team_ids: Collection[str]) -> tuple[Team, ...]:
        return tuple(team for team in teams if team.pk in team_ids)

    return {pk: TeamsOfDataset(those(own[pk]), those(cumulative[pk])) for pk in ids}


def set_allowed_teams(*, actor: Actor, dataset: Dataset, team_ids: Sequence[str]) -> None:
    """Make these the teams that the dataset is given to, as far as it is the actor's to say (see
    datasets.services.granting).
    """
    with transaction.atomic():
        hold({dataset.organization_id})
        Dataset.objects.select_for_update(no_key=True).filter(pk=dataset.pk).first()
        require(actor, Action.EDIT, dataset)
        give_to_teams(actor=actor, thing=dataset, permission=READ_DATASET, team_ids=team_ids)
