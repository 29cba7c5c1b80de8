"""Teams: made, deleted, joined, left and managed."""

from django.db import IntegrityError, transaction

from sharing.access import Actor, PeopleAction, PeopleSubject, require
from sharing.errors import Conflict, Invalid, NotFound
from sharing.models import Organization, Team, TeamMembership, User


def team_for(actor: Actor, team_id: str) -> Team:
    """The team with this id; NotFound alike for teams of other organizations."""
    team = Team.objects.visible_to(actor).filter(pk=team_id).first()
    if team is None:
        raise NotFound("There is no such team, or you can't see it.")
    return team


def create_team(*, actor: Actor, organization: Organization, name: str) -> Team:
    """A new team without members."""
    require(actor, PeopleAction.CREATE_TEAM, PeopleSubject(organization.pk))
    name = name.strip()
    if not name:
        raise Invalid("A team needs a name.")
    try:
        with transaction.atomic():
            return Team.objects.create(organization=organization, name=name)
    except IntegrityError as error:
        raise Conflict(
            f"There is already a team named '{name}' in {organization}. Choose another name."
        ) from error


def delete_team(*, actor: Actor, team: Team) -> None:
    """Delete the team with its grants: what only this team could see, its people see no longer."""
    require(actor, PeopleAction.DELETE_TEAM, PeopleSubject.of_team(team))
    if team.is_default:
        raise Conflict(
            f"The team '{team}' can't be deleted: everybody of {team.organization} is in it."
        )
    with transaction.atomic():
        team.delete()


def add_member(*, actor: Actor, team: Team, user: User, is_manager: bool = False) -> TeamMembership:
    """Put the person into the team; somebody who is in it already stays as they are."""
    require(actor, PeopleAction.CHANGE_TEAM_MEMBERS, PeopleSubject.of_team(team))
    if user.organization_id != team.organization_id:
        raise Invalid(f"{user} is not in {team.organization} and can't join its team '{team}'.")
    with transaction.atomic():
        membership, _ = TeamMembership.objects.get_or_create(
            team=team, user=user, defaults={"is_manager": is_manager}
        )
    return membership


def remove_member(*, actor: Actor, team: Team, user: User) -> None:
    """Take the person out of the team, and with it what they saw only through it."""
    require(actor, PeopleAction.CHANGE_TEAM_MEMBERS, PeopleSubject.of_team(team))
    if team.is_default:
        raise Conflict(
            f"Everybody of {team.organization} is in the team '{team}'. To shut {user} out, "
            "deactivate the account."
        )
    with transaction.atomic():
        _membership(team, user).delete()


def set_manager(*, actor: Actor, team: Team, user: User, is_manager: bool) -> None:
    """Make a member of the team one of its managers, or a plain member again."""
    require(actor, PeopleAction.CHANGE_TEAM_MEMBERS, PeopleSubject.of_team(team))
    with transaction.atomic():
        membership = _membership(team, user)
        membership.is_manager = is_manager
        membership.save(update_fields=["is_manager"])


def _membership(team: Team, user: User) -> TeamMembership:
    membership = TeamMembership.objects.filter(team=team, user=user).first()
    if membership is None:
        raise NotFound(f"{user} is not in the team '{team}' any more. Load the page again.")
    return membership
