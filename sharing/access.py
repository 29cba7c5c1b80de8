"""Who may do what with people: the actor, the reasons that give rights, and the table of rules.

This module and datasets.access are the only places that decide. A rule is a row of a table: an
action and the reasons any of which suffices. Reasons look only at two small values, the actor and
what the action is about, so the whole table can be tested without a database.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from .errors import NotAllowed, NotFound

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from .models import Team, User


@dataclass(frozen=True)
class Actor:
    """Whoever asks: a person with roles and teams, or nobody; and the link tokens they hold.

    `link_digests` are the digests of the sharing-link tokens that came with the request.
    """

    user_id: str | None = None
    organization_id: str | None = None
    is_superuser: bool = False
    is_admin: bool = False
    is_dataset_manager: bool = False
    team_ids: frozenset[str] = frozenset()
    managed_team_ids: frozenset[str] = frozenset()
    link_digests: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody is signed in."""
        return self.user_id is None

    @property
    def is_team_manager(self) -> bool:
        """Whether the actor manages any team."""
        return bool(self.managed_team_ids)

    def belongs_to(self, organization_id: str | None) -> bool:
        """Whether the actor is one of the organization's people (an operator counts everywhere)."""
        if self.is_anonymous or organization_id is None:
            return False
        return self.is_superuser or self.organization_id == organization_id

    def administers(self, organization_id: str | None) -> bool:
        """Whether the actor is an admin of the organization."""
        return self.belongs_to(organization_id) and (self.is_superuser or self.is_admin)

    def manages_datasets_of(self, organization_id: str | None) -> bool:
        """Whether the actor is an admin or dataset manager of the organization."""
        return self.belongs_to(organization_id) and (
            self.is_superuser or self.is_admin or self.is_dataset_manager
        )


ANONYMOUS = Actor()


def actor_for(
    user: "User | AnonymousUser | None", *, link_digests: frozenset[str] = frozenset()
) -> Actor:
    """The actor behind a signed-in user (or none), with one query for the teams.

    A deactivated person is nobody.
    """
    if user is None or not user.is_authenticated or not user.is_active:
        return Actor(link_digests=link_digests)
    memberships = list(user.memberships.values_list("team_id", "is_manager"))
    return Actor(
        user_id=user.pk,
        organization_id=user.organization_id,
        is_superuser=user.is_superuser,
        is_admin=user.is_admin,
        is_dataset_manager=user.is_dataset_manager,
        team_ids=frozenset(team for team, _ in memberships),
        managed_team_ids=frozenset(team for team, manages in memberships if manages),
        link_digests=link_digests,
    )


class PeopleAction(StrEnum):
    """What can be done with an organization's people."""

    SEE_TEAMMATES = "see the members of a team"
    CHANGE_TEAM_MEMBERS = "add or remove members of a team and make team managers"
    CREATE_TEAM = "create a team"
    DELETE_TEAM = "delete a team"
    RENAME = "change this person's name"
    GRANT_ROLES = "change this person's roles"
    INVITE = "invite people"
    DEACTIVATE_USER = "deactivate or reactivate this person"
    ADMINISTER = "open the administration menu"


@dataclass(frozen=True)
class PeopleSubject:
    """What a people action is about: an organization and, where it has one, a team or person of it.

    `is_operator` says that the person operates the site (is a superuser or enters the admin).
    """

    organization_id: str | None
    team_id: str | None = None
    user_id: str | None = None
    is_default_team: bool = False
    is_operator: bool = False

    @classmethod
    def of_team(cls, team: "Team") -> "PeopleSubject":
        """A team and its organization."""
        return cls(team.organization_id, team.pk, is_default_team=team.is_default)

    @classmethod
    def of_user(cls, user: "User") -> "PeopleSubject":
        """A person and their organization."""
        return cls(
            user.organization_id,
            user_id=user.pk,
            is_operator=user.is_superuser or user.is_staff,
        )


def _admin(actor: Actor, about: PeopleSubject) -> bool:
    return actor.administers(about.organization_id)


def _admin_of_the_person(actor: Actor, about: PeopleSubject) -> bool:
    """An admin of an organization has no say over those who operate the whole site."""
    return _admin(actor, about) and (actor.is_superuser or not about.is_operator)


def _themselves(actor: Actor, about: PeopleSubject) -> bool:
    return not actor.is_anonymous and actor.user_id == about.user_id


def _dataset_manager(actor: Actor, about: PeopleSubject) -> bool:
    return actor.manages_datasets_of(about.organization_id)


def _any_team_manager(actor: Actor, about: PeopleSubject) -> bool:
    return actor.belongs_to(about.organization_id) and actor.is_team_manager


def _manager_of_the_team(actor: Actor, about: PeopleSubject) -> bool:
    return actor.belongs_to(about.organization_id) and about.team_id in actor.managed_team_ids


def _member_of_the_team(actor: Actor, about: PeopleSubject) -> bool:
    """Everybody is in the default team, so being in it shows nobody."""
    return (
        actor.belongs_to(about.organization_id)
        and about.team_id in actor.team_ids
        and not about.is_default_team
    )


PeopleReason = Callable[[Actor, PeopleSubject], bool]

PEOPLE_RULES: Mapping[PeopleAction, tuple[PeopleReason, ...]] = {
    PeopleAction.SEE_TEAMMATES: (
        _admin,
        _dataset_manager,
        _any_team_manager,
        _member_of_the_team,
    ),
    PeopleAction.CHANGE_TEAM_MEMBERS: (_admin, _manager_of_the_team),
    PeopleAction.CREATE_TEAM: (_admin,),
    PeopleAction.DELETE_TEAM: (_admin,),
    PeopleAction.RENAME: (_themselves, _admin_of_the_person),
    PeopleAction.GRANT_ROLES: (_admin_of_the_person,),
    PeopleAction.INVITE: (_admin,),
    PeopleAction.DEACTIVATE_USER: (_admin_of_the_person,),
    PeopleAction.ADMINISTER: (_admin, _any_team_manager),
}


def may(actor: Actor, action: PeopleAction, about: PeopleSubject) -> bool:
    """Whether any reason in the table lets `actor` do `action`."""
    return any(reason(actor, about) for reason in PEOPLE_RULES[action])


def require(actor: Actor, action: PeopleAction, about: PeopleSubject) -> None:
    """Raise NotFound for people outside the organization, NotAllowed for those inside."""
    if may(actor, action, about):
        return
    if not actor.belongs_to(about.organization_id):
        raise NotFound("There is no such person, team or organization, or you can't see it.")
    raise NotAllowed(f"You are not allowed to {action.value}. Ask an admin of your organization.")
