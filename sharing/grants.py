"""Grants: which teams may read a thing. The only module that talks to django-guardian.

A grant is guardian's object permission of a team's group on the thing. It is the truth from which
datasets derive what their lists ask (datasets.services.audience).
"""

from collections.abc import Iterable

from django.db import models
from guardian.shortcuts import assign_perm, remove_perm
from guardian.utils import get_group_obj_perms_model

from .models import Team


def granted_teams(thing: models.Model, permission: str) -> models.QuerySet[Team]:
    """The teams that hold `permission` (a codename) on `thing` itself."""
    return Team.objects.filter(
        group__in=get_group_obj_perms_model(thing)
        ._default_manager.filter(content_object=thing, permission__codename=permission)
        .values("group")
    )


def set_teams(thing: models.Model, permission: str, teams: Iterable[Team]) -> None:
    """Make `teams` exactly those that hold `permission` on `thing`."""
    wanted = {team.pk: team for team in teams}
    held = {team.pk: team for team in granted_teams(thing, permission).select_related("group")}
    for team_id in wanted.keys() - held.keys():
        assign_perm(permission, wanted[team_id].group, thing)
    for team_id in held.keys() - wanted.keys():
        remove_perm(permission, held[team_id].group, thing)
