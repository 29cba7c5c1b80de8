"""Who can see a dataset, and why: the rules of datasets.access in sentences, for its page.

Decides nothing: datasets.access does.
"""

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import Q

from datasets.models import (
    Dataset,
    DatasetGroupObjectPermission,
    Folder,
    FolderGroupObjectPermission,
)
from sharing.models import SharingLink, Team, User

from .audience import READ_DATASET, READ_FOLDER

_NAMED_AT_MOST = 20


@dataclass(frozen=True)
class Entry:
    """A group of people, the reason that lets them in, and some of their names.

    An open group is of people whom the site need not know.
    """

    who: str
    why: str
    names: tuple[str, ...] = ()
    further: int = 0
    is_open: bool = False


def who_can_see(dataset: Dataset) -> list[Entry]:
    """The groups that can see the dataset, widest first."""
    entries = []
    if dataset.is_public:
        entries.append(Entry("Anyone with the address", "The dataset is public.", is_open=True))
    links = SharingLink.objects.to(dataset).usable().count()
    if links:
        who = "Anyone with the sharing link" if links == 1 else f"Anyone with a link of {links}"
        entries.append(Entry(who, "Sharing links need no account.", is_open=True))
    reasons = _reasons_of_teams(dataset)
    teams = Team.objects.filter(pk__in=reasons).prefetch_related("members")
    for team in teams:
        members = [user for user in team.members.all() if user.is_active]
        entries.append(_entry(f"Team {team.name}", reasons[team.pk], members))
    people = User.objects.filter(organization=dataset.organization_id, is_active=True)
    if not reasons:
        managers = people.filter(memberships__is_manager=True).distinct()
        entries.append(_entry("Team managers", "No team was given access.", list(managers)))
    leading = people.filter(Q(is_admin=True) | Q(is_dataset_manager=True))
    why = f"They see everything of {dataset.organization}."
    entries.append(_entry("Admins and dataset managers", why, list(leading)))
    return entries


def _reasons_of_teams(dataset: Dataset) -> dict[str, str]:
    reasons: dict[str, list[str]] = defaultdict(list)
    for team_id in DatasetGroupObjectPermission.objects.filter(
        content_object=dataset, permission__codename=READ_DATASET
    ).values_list("group__team", flat=True):
        reasons[team_id].append("given access to this dataset")
    chain = [folder.pk for folder in Folder.objects.chain_to(dataset.folder_id)]
    for team_id, folder in FolderGroupObjectPermission.objects.filter(
        content_object__in=chain, permission__codename=READ_FOLDER
    ).values_list("group__team", "content_object__name"):
        reasons[team_id].append(f"given access to the folder '{folder}'")
    return {team_id: f"The team was {' and '.join(texts)}." for team_id, texts in reasons.items()}


def _entry(who: str, why: str, people: list[User]) -> Entry:
    names = tuple(person.get_full_name() for person in people[:_NAMED_AT_MOST])
    return Entry(who, why, names, max(len(people) - _NAMED_AT_MOST, 0))
