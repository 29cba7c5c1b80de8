"""Changing several things of a person at once, as the HTTP API does it: all of them or none.

The rules stand with the single changes (people, teams); this compares, and calls those.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from sharing.access import Actor
from sharing.errors import Invalid, NotFound
from sharing.models import Team, User

from . import people, teams


@dataclass(frozen=True)
class PersonChanges:
    """What a person is to be; None leaves as it is.

    `teams` are all the teams they are to be in, by id, and whether they manage them. Address and
    organization can't be changed: they are here to be compared.
    """

    email: str | None = None
    organization_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    is_active: bool | None = None
    is_admin: bool | None = None
    is_dataset_manager: bool | None = None
    teams: Mapping[str, bool] | None = None


def change_person(*, actor: Actor, user: User, changes: PersonChanges) -> User:
    """Make the person what `changes` say; only what differs needs a right.

    Whoever may see the person may so send all of them back, changed in what they may change.
    """
    with transaction.atomic():
        user = people.locked(user)
        _require_same_identity(user, changes)
        if changes.teams is not None:
            _change_teams(actor, user, changes.teams)
        _rename(actor, user, changes)
        _change_roles(actor, user, changes)
        if changes.is_active is not None and changes.is_active != user.is_active:
            change = people.reactivate if changes.is_active else people.deactivate
            change(actor=actor, user=user)
    return User.objects.get(pk=user.pk)


def _require_same_identity(user: User, changes: PersonChanges) -> None:
    if changes.email is not None and changes.email.lower() != user.email.lower():
        raise Invalid(
            f"The address of {user} can't be changed here: it is what they sign in with. Ask the "
            "operator of the site."
        )
    organization_id = user.organization_id or ""
    if changes.organization_id is not None and changes.organization_id != organization_id:
        raise Invalid(f"{user} can't be moved to another organization. Invite them there instead.")


def _change_teams(actor: Actor, user: User, wanted: Mapping[str, bool]) -> None:
    current = dict(user.memberships.values_list("team_id", "is_manager"))
    different = {
        team_id
        for team_id in wanted.keys() | current.keys()
        if wanted.get(team_id) != current.get(team_id)
    }
    known = Team.objects.visible_to(actor).in_bulk(different)
    if missing := sorted(different - known.keys()):
        raise NotFound(f"There is no team with the id '{missing[0]}', or you can't see it.")
    for team_id, team in known.items():
        if team_id not in wanted:
            teams.remove_member(actor=actor, team=team, user=user)
        elif team_id not in current:
            teams.add_member(actor=actor, team=team, user=user, is_manager=wanted[team_id])
        else:
            teams.set_manager(actor=actor, team=team, user=user, is_manager=wanted[team_id])


def _rename(actor: Actor, user: User, changes: PersonChanges) -> None:
    first, last = (
        old if new is None else new
        for old, new in (
            (user.first_name, changes.first_name),
            (user.last_name, changes.last_name),
        )
    )
    if (first, last) != (user.first_name, user.last_name):
        people.rename(actor=actor, user=user, first_name=first, last_name=last)


def _change_roles(actor: Actor, user: User, changes: PersonChanges) -> None:
    is_admin, is_dataset_manager = (
        old if new is None else new
        for old, new in (
            (user.is_admin, changes.is_admin),
            (user.is_dataset_manager, changes.is_dataset_manager),
        )
    )
    if (is_admin, is_dataset_manager) != (user.is_admin, user.is_dataset_manager):
        people.change_roles(
            actor=actor, user=user, is_admin=is_admin, is_dataset_manager=is_dataset_manager
        )
