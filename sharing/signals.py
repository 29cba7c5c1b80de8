"""Signals that keep what is derived from access in step, however a row was changed.

The admin and the shell change rows without a service; what must hold all the same stands here:
a team's group has the team's members, and any change of access raises the access generation.
"""

from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import Model
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from . import generation
from .models import ApiToken, SharingLink, Team, TeamMembership, User

_WITHOUT_ACCESS = frozenset({"last_login", "last_activity", "last_used", "first_name", "last_name"})


@receiver(post_save, sender=TeamMembership)
def _join_group(instance: TeamMembership, **_: Any) -> None:
    instance.user.groups.add(instance.team.group_id)


@receiver(post_delete, sender=TeamMembership)
def _leave_group(instance: TeamMembership, **_: Any) -> None:
    instance.user.groups.remove(instance.team.group_id)


@receiver(post_delete, sender=Team)
def _delete_group(instance: Team, **_: Any) -> None:
    instance.group.delete()


def _raise_generation(
    sender: type[Model],
    created: bool = False,
    update_fields: frozenset[str] | None = None,
    **_: Any,
) -> None:
    # What is new was never decided about, but for memberships: they change what their people see.
    is_news_to_nobody = created and sender is not TeamMembership
    if not is_news_to_nobody and (not update_fields or update_fields - _WITHOUT_ACCESS):
        generation.bump_on_commit()


for _model in (ApiToken, SharingLink, Team, TeamMembership, User):
    post_save.connect(_raise_generation, sender=_model, dispatch_uid="raise_generation")
    post_delete.connect(_raise_generation, sender=_model, dispatch_uid="raise_generation")
# A session that ends takes the page tokens made from it with it; one that begins takes nothing.
post_delete.connect(_raise_generation, sender=Session, dispatch_uid="raise_generation")
