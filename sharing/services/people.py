"""People: their names, roles, and whether they may sign in."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from sharing.access import Actor, PeopleAction, PeopleSubject, require
from sharing.errors import Conflict, NotFound
from sharing.models import Organization, User

ACTIVITY_INTERVAL = timedelta(minutes=5)


def person_for(actor: Actor, user_id: str) -> User:
    """The person with this id; NotFound alike for people that `actor` may not see."""
    user = User.objects.visible_to(actor).filter(pk=user_id).first()
    if user is None:
        raise NotFound("There is no such person, or you can't see them.")
    return user


def rename(*, actor: Actor, user: User, first_name: str, last_name: str) -> None:
    """Change what the person is called."""
    require(actor, PeopleAction.RENAME, PeopleSubject.of_user(user))
    user.first_name, user.last_name = first_name, last_name
    user.save(update_fields=["first_name", "last_name"])


def choose_mails(*, user: User, is_mailed_when_done: bool) -> None:
    """Say which mails the person wants, who alone is asked."""
    user.is_mailed_when_done = is_mailed_when_done
    user.save(update_fields=["is_mailed_when_done"])


def change_roles(*, actor: Actor, user: User, is_admin: bool, is_dataset_manager: bool) -> None:
    """Give and take the roles of admin and dataset manager.

    Nobody takes the admin role from themselves, and every organization keeps an active admin.
    """
    require(actor, PeopleAction.GRANT_ROLES, PeopleSubject.of_user(user))
    with transaction.atomic():
        user = locked(user)
        if user.is_admin and not is_admin:
            _require_other_admin(actor, user, "take the admin role from")
        user.is_admin, user.is_dataset_manager = is_admin, is_dataset_manager
        user.save(update_fields=["is_admin", "is_dataset_manager"])


def deactivate(*, actor: Actor, user: User) -> None:
    """Shut the person out: no sign-in, and sessions and tokens stop working at once."""
    require(actor, PeopleAction.DEACTIVATE_USER, PeopleSubject.of_user(user))
    with transaction.atomic():
        user = locked(user)
        if user.pk == actor.user_id:
            raise Conflict("You can't deactivate your own account. Ask another admin to do it.")
        if user.is_admin:
            _require_other_admin(actor, user, "deactivate")
        user.is_active = False
        user.save(update_fields=["is_active"])


def reactivate(*, actor: Actor, user: User) -> None:
    """Let the person in again, with the roles, teams and tokens they had."""
    require(actor, PeopleAction.DEACTIVATE_USER, PeopleSubject.of_user(user))
    user.is_active = True
    user.save(update_fields=["is_active"])


def note_activity(user: User) -> None:
    """Remember that the person was here, at most once in five minutes."""
    now = timezone.now()
    if user.last_activity is not None and user.last_activity > now - ACTIVITY_INTERVAL:
        return
    long_ago = Q(last_activity__isnull=True) | Q(last_activity__lte=now - ACTIVITY_INTERVAL)
    User.objects.filter(long_ago, pk=user.pk).update(last_activity=now)


def locked(user: User) -> User:
    """The person as they are now.

    No other change of roles in the organization runs until the transaction ends.
    """
    Organization.objects.select_for_update(no_key=True).filter(pk=user.organization_id).first()
    return User.objects.get(pk=user.pk)


def _require_other_admin(actor: Actor, user: User, deed: str) -> None:
    if user.pk == actor.user_id:
        raise Conflict(f"You can't {deed} yourself. Ask another admin to do it.")
    others = User.objects.filter(
        organization=user.organization_id, is_admin=True, is_active=True
    ).exclude(pk=user.pk)
    if not others.exists():
        raise Conflict(
            f"You can't {deed} {user}: nobody else administers {user.organization}. "
            "Make somebody else admin first."
        )
