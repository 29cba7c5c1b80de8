"""Who may do what with a dataset or folder: the table of rules, and the questions asked of it.

Like sharing.access: an action is allowed when any of its reasons holds. Reasons look at the actor
and at the `Audience` of the thing, so the table is tested without a database;
`Dataset.objects.visible_to` is the same VIEW rule as a query, and a test holds them equal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Q

from sharing.access import Actor
from sharing.errors import NotAllowed, NotFound
from sharing.models import SharingLink, Team

from .models import Dataset, DatasetTeam, Folder
from .services.audience import teams_of_folder


class Action(StrEnum):
    """What can be done with a dataset or folder."""

    VIEW = "view"
    GET_LINK = "get a sharing link of"
    EDIT = "edit"
    DELETE = "delete"


@dataclass(frozen=True)
class Audience:
    """What the rules look at: whose the thing is, and who was let in.

    `team_ids` are cumulative: granted on the thing itself, its folder, or any ancestor.
    `link_digests` are the digests of its usable sharing links.
    """

    organization_id: str
    team_ids: frozenset[str] = frozenset()
    is_public: bool = False
    link_digests: frozenset[str] = frozenset()


Reason = Callable[[Actor, Audience], bool]


def anyone_if_public(actor: Actor, audience: Audience) -> bool:
    """Public: everybody with the address."""
    return audience.is_public


def holder_of_link(actor: Actor, audience: Audience) -> bool:
    """The request carries a usable sharing link."""
    return bool(actor.link_digests & audience.link_digests)


def admin_or_dataset_manager(actor: Actor, audience: Audience) -> bool:
    """Admins and dataset managers of the organization, whatever the teams."""
    return actor.manages_datasets_of(audience.organization_id)


def member_of_team(actor: Actor, audience: Audience) -> bool:
    """A member of a team that was granted, here or further up."""
    return actor.belongs_to(audience.organization_id) and bool(actor.team_ids & audience.team_ids)


def manager_of_team(actor: Actor, audience: Audience) -> bool:
    """A manager of a team that was granted, here or further up."""
    return actor.belongs_to(audience.organization_id) and bool(
        actor.managed_team_ids & audience.team_ids
    )


def any_manager_if_no_team(actor: Actor, audience: Audience) -> bool:
    """Team managers see and edit what no team was granted."""
    return (
        actor.belongs_to(audience.organization_id)
        and actor.is_team_manager
        and not audience.team_ids
    )


_INSIDERS = (admin_or_dataset_manager, member_of_team, any_manager_if_no_team)
_EDITORS = (admin_or_dataset_manager, manager_of_team, any_manager_if_no_team)


def insider_of_public(actor: Actor, audience: Audience) -> bool:
    """Somebody of the organization, where everybody may view anyway."""
    return audience.is_public and actor.belongs_to(audience.organization_id)


RULES: Mapping[Action, tuple[Reason, ...]] = {
    Action.VIEW: (anyone_if_public, holder_of_link, *_INSIDERS),
    Action.GET_LINK: (insider_of_public, *_INSIDERS),
    Action.EDIT: _EDITORS,
    Action.DELETE: _EDITORS,
}

FOLDER_RULES: Mapping[Action, tuple[Reason, ...]] = {
    Action.VIEW: (admin_or_dataset_manager, member_of_team),
    Action.EDIT: (admin_or_dataset_manager, manager_of_team),
    Action.DELETE: (admin_or_dataset_manager, manager_of_team),
}


def allows(rules: tuple[Reason, ...], actor: Actor, audience: Audience) -> bool:
    """Whether any of the reasons holds."""
    return any(reason(actor, audience) for reason in rules)


def audience_of(dataset: Dataset) -> Audience:
    """The dataset's audience, in two queries."""
    return Audience(
        organization_id=dataset.organization_id,
        team_ids=frozenset(
            DatasetTeam.objects.filter(dataset=dataset).values_list("team_id", flat=True)
        ),
        is_public=dataset.is_public,
        link_digests=frozenset(
            SharingLink.objects.to(dataset).usable().values_list("digest", flat=True)
        ),
    )


def audience_of_folder(folder: Folder) -> Audience:
    """The folder's audience: the teams granted on it and on its ancestors."""
    return Audience(
        organization_id=folder.organization_id, team_ids=frozenset(teams_of_folder(folder))
    )


def may(actor: Actor, action: Action, thing: Dataset | Folder) -> bool:
    """Whether `actor` may do `action` to the dataset or folder."""
    if isinstance(thing, Folder):
        return allows(FOLDER_RULES[action], actor, audience_of_folder(thing))
    return allows(RULES[action], actor, audience_of(thing))


def require(actor: Actor, action: Action, thing: Dataset | Folder) -> None:
    """Raise NotFound where `actor` may not even view the thing, NotAllowed where only not do it."""
    if may(actor, action, thing):
        return
    if not may(actor, Action.VIEW, thing):
        raise not_found(actor)
    raise NotAllowed(f"You are not allowed to {action.value} '{thing}'.")


def may_create(actor: Actor, organization_id: str) -> bool:
    """Whether `actor` may bring datasets in: admins, dataset managers and team managers."""
    return actor.manages_datasets_of(organization_id) or (
        actor.belongs_to(organization_id) and actor.is_team_manager
    )


def require_creation(actor: Actor, organization_id: str) -> None:
    """Raise NotFound for people outside the organization, NotAllowed for those inside."""
    if may_create(actor, organization_id):
        return
    if not actor.belongs_to(organization_id):
        raise NotFound("There is no such organization, or you can't see it.")
    raise NotAllowed(
        "Only admins, dataset managers and team managers may add datasets. Ask one of them."
    )


def may_refer_to(actor: Actor, dataset: Dataset) -> bool:
    """Whether `actor` may let other datasets read the data of this one.

    They keep reading it, so neither a link nor publicity, which can be taken back, is enough.
    """
    return allows(_INSIDERS, actor, audience_of(dataset))


def may_grant(actor: Actor, team: Team) -> bool:
    """Whether `actor`, who may edit a thing of the team's organization, may give it to the team or
    take it away."""
    return actor.manages_datasets_of(team.organization_id) or team.pk in actor.managed_team_ids


def dataset_for(actor: Actor, dataset_id: str, action: Action = Action.VIEW) -> Dataset:
    """The dataset with this id; raises as `require` does, and the same for ids that don't exist."""
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None:
        raise not_found(actor)
    require(actor, action, dataset)
    return dataset


def folder_for(actor: Actor, folder_id: str, action: Action = Action.VIEW) -> Folder:
    """The folder with this id; raises as `dataset_for` does."""
    folder = Folder.objects.filter(pk=folder_id).first()
    if folder is None:
        raise not_found(actor)
    require(actor, action, folder)
    return folder


def dataset_named(actor: Actor, organization_id: str, name: str) -> Dataset:
    """The oldest dataset of that directory, else of that name, that `actor` may view; raises as
    `dataset_for` does.

    Hidden ones are passed over: one that stood in the way would give away that it is there.
    """
    linked = SharingLink.objects.usable().filter(digest__in=actor.link_digests)
    known = Q(pk__in=Dataset.objects.visible_to(actor).values("pk")) | Q(
        pk__in=linked.values("object_id")
    )
    found = Dataset.objects.of(organization_id).filter(known).order_by("created", "id")
    dataset = found.filter(directory_name=name).first() or found.filter(name=name).first()
    if dataset is None:
        raise not_found(actor)
    require(actor, Action.VIEW, dataset)
    return dataset


def not_found(actor: Actor) -> NotFound:
    """One error for what does not exist and for what the actor must not know of."""
    hint = " If it should be there, sign in and try again." if actor.is_anonymous else ""
    return NotFound(f"There is no such dataset or folder, or you can't see it.{hint}")
