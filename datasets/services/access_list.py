"""The people who can see a dataset by a role or team, as a list; why is in audience_report."""

from django.db.models import Q, QuerySet

from datasets.access import Action, require
from datasets.models import Dataset, DatasetTeam
from sharing.access import Actor
from sharing.models import User


def people_with_access(*, actor: Actor, dataset: Dataset) -> QuerySet[User]:
    """Members of its teams and its folders' teams, admins and dataset managers; where it has no
    team, team managers. For the dataset's editors; visitors and deactivated people are left out.
    """
    require(actor, Action.EDIT, dataset)
    teams = list(DatasetTeam.objects.filter(dataset=dataset).values_list("team", flat=True))
    by_team = Q(memberships__team__in=teams) if teams else Q(memberships__is_manager=True)
    people = User.objects.filter(organization=dataset.organization_id, is_active=True).filter(
        Q(is_admin=True) | Q(is_dataset_manager=True) | by_team
    )
    return people.distinct().prefetch_related("memberships__team")
