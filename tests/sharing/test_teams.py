"""Teams: who is in them, and what that changes."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group

from sharing.access import Actor
from sharing.errors import Conflict, Invalid, NotAllowed, NotFound
from sharing.models import Organization, Team, TeamMembership, User
from sharing.services import teams
from tests.factories import make_user

Acting = Callable[[User], Actor]


def test_an_admin_makes_a_team_and_deletes_it_with_its_group(
    lab: Organization, admin: User, acting: Acting
) -> None:
    team = teams.create_team(actor=acting(admin), organization=lab, name=" Imaging ")
    assert team.name == "Imaging"
    group = team.group
    teams.delete_team(actor=acting(admin), team=team)
    assert not Team.objects.filter(name="Imaging").exists()
    assert not Group.objects.filter(pk=group.pk).exists()


def test_two_teams_of_a_lab_have_different_names(
    lab: Organization, admin: User, acting: Acting
) -> None:
    teams.create_team(actor=acting(admin), organization=lab, name="Imaging")
    with pytest.raises(Conflict, match="already a team named 'Imaging'"):
        teams.create_team(actor=acting(admin), organization=lab, name="Imaging")
    with pytest.raises(Invalid, match="needs a name"):
        teams.create_team(actor=acting(admin), organization=lab, name="  ")


def test_a_team_manager_makes_no_team_and_deletes_none(
    lab: Organization, team: Team, manager: User, acting: Acting
) -> None:
    with pytest.raises(NotAllowed):
        teams.create_team(actor=acting(manager), organization=lab, name="Mine")
    with pytest.raises(NotAllowed):
        teams.delete_team(actor=acting(manager), team=team)


def test_the_team_for_everybody_stays_and_keeps_everybody(
    lab: Organization, admin: User, member: User, acting: Acting
) -> None:
    default = Team.objects.get(organization=lab, is_default=True)
    assert set(default.members.all()) >= {admin, member}
    with pytest.raises(Conflict, match="can't be deleted"):
        teams.delete_team(actor=acting(admin), team=default)
    with pytest.raises(Conflict, match="deactivate the account"):
        teams.remove_member(actor=acting(admin), team=default, user=member)
    assert default.members.contains(member)


def test_a_team_manager_adds_and_removes_members_and_makes_managers_in_the_own_team(
    lab: Organization, team: Team, manager: User, acting: Acting
) -> None:
    joining = make_user(lab)
    teams.add_member(actor=acting(manager), team=team, user=joining)
    assert not TeamMembership.objects.get(team=team, user=joining).is_manager
    assert joining.groups.contains(team.group)
    teams.set_manager(actor=acting(manager), team=team, user=joining, is_manager=True)
    assert team.pk in acting(joining).managed_team_ids
    teams.remove_member(actor=acting(manager), team=team, user=joining)
    assert team.pk not in acting(joining).team_ids
    assert not joining.groups.contains(team.group)


def test_adding_somebody_twice_does_not_take_the_managers_role(
    team: Team, admin: User, manager: User, acting: Acting
) -> None:
    teams.add_member(actor=acting(admin), team=team, user=manager)
    assert team.pk in acting(manager).managed_team_ids


def test_people_of_other_organizations_join_no_team_and_see_none(
    team: Team, admin: User, stranger: User, acting: Acting
) -> None:
    with pytest.raises(Invalid, match="can't join"):
        teams.add_member(actor=acting(admin), team=team, user=stranger)
    with pytest.raises(NotFound):
        teams.add_member(actor=acting(stranger), team=team, user=stranger)
    with pytest.raises(NotFound):
        teams.team_for(acting(stranger), team.pk)


def test_removing_somebody_who_left_meanwhile_says_so(
    lab: Organization, team: Team, admin: User, acting: Acting
) -> None:
    with pytest.raises(NotFound, match="Load the page again"):
        teams.remove_member(actor=acting(admin), team=team, user=make_user(lab))
