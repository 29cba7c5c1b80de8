"""Giving a dataset or folder to teams: the one rule of what editors may change of such a list."""

from collections.abc import Collection

from datasets.access import may_grant
from datasets.models import Dataset, Folder
from sharing.access import Actor
from sharing.errors import Invalid, NotAllowed
from sharing.grants import granted_teams, set_teams
from sharing.models import Team


def give_to_teams(
    *, actor: Actor, thing: Dataset | Folder, permission: str, team_ids: Collection[str]
) -> None:
    """Make these the teams that hold `permission` on `thing`, which `actor` may edit.

    Who manages no datasets adds and drops only teams that they manage: others that the thing was
    given to stay. Raises Invalid for what is no team of the organization, NotAllowed for a team
    that the actor may not add. The caller keeps others from doing the same meanwhile.
    """
    organization_id = thing.organization_id
    teams = Team.objects.filter(organization=organization_id).in_bulk(set(team_ids))
    if unknown := set(team_ids) - teams.keys():
        raise Invalid(f"{organization_id} has no team with the id '{min(unknown)[:64]}'.")
    held = {team.pk: team for team in granted_teams(thing, permission)}
    for team_id in sorted(teams.keys() - held.keys()):
        if not may_grant(actor, teams[team_id]):
            raise NotAllowed(
                f"You can't give '{thing}' to the team '{teams[team_id]}': only its managers "
                "and those who manage all datasets can."
            )
    others = {pk: team for pk, team in held.items() if not may_grant(actor, team)}
    set_teams(thing, permission, {**others, **teams}.values())
