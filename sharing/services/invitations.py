"""Invitations: an account by a link sent by e-mail."""

from collections.abc import Iterable
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from sharing import mail
from sharing.access import Actor, PeopleAction, PeopleSubject, may, require
from sharing.errors import Conflict, Invalid, NotFound
from sharing.models import Invitation, Organization, Team, TeamMembership, User
from sharing.secrets import digest, new_secret

from .organizations import create_user


def invite(
    *,
    actor: Actor,
    organization: Organization,
    email: str,
    teams: Iterable[Team] = (),
    is_admin: bool = False,
    is_dataset_manager: bool = False,
) -> tuple[Invitation, str]:
    """Mail a link that makes one account; the invitation and the link.

    An open invitation of the same address is replaced: its link stops working.
    """
    require(actor, PeopleAction.INVITE, PeopleSubject(organization.pk))
    teams = list(teams)
    _require_no_colleague(organization, email)
    if any(team.organization_id != organization.pk for team in teams):
        raise Invalid(f"People can be invited to teams of {organization} only.")
    secret = new_secret()
    with transaction.atomic():
        now = timezone.now()
        Invitation.objects.open().filter(organization=organization, email__iexact=email).update(
            revoked=now
        )
        invitation = Invitation.objects.create(
            organization=organization,
            email=email,
            digest=digest(secret),
            is_admin=is_admin,
            is_dataset_manager=is_dataset_manager,
            invited_by_id=actor.user_id,
            expires=now + settings.INVITATION_LIFETIME,
        )
        invitation.teams.set(teams)
        return invitation, _mail(invitation, secret)


def resend(*, actor: Actor, invitation: Invitation) -> str:
    """Mail a new link for an invitation that nobody accepted; the old link stops working."""
    require(actor, PeopleAction.INVITE, PeopleSubject(invitation.organization_id))
    secret = new_secret()
    with transaction.atomic():
        invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
        if invitation.accepted or invitation.revoked:
            raise Conflict(
                f"The invitation of {invitation.email} was accepted or revoked meanwhile. "
                "Invite them anew where they have no account."
            )
        _require_no_colleague(invitation.organization, invitation.email)
        invitation.digest = digest(secret)
        invitation.expires = timezone.now() + settings.INVITATION_LIFETIME
        invitation.save(update_fields=["digest", "expires"])
        return _mail(invitation, secret)


def revoke(*, actor: Actor, invitation: Invitation) -> None:
    """Make the invitation's link worthless."""
    require(actor, PeopleAction.INVITE, PeopleSubject(invitation.organization_id))
    Invitation.objects.open().filter(pk=invitation.pk).update(revoked=timezone.now())


def pending_of(*, actor: Actor, organization: Organization) -> QuerySet[Invitation]:
    """The invitations that wait for an answer, expired ones too: they can be sent again."""
    require(actor, PeopleAction.INVITE, PeopleSubject(organization.pk))
    return Invitation.objects.filter(
        organization=organization, accepted__isnull=True, revoked__isnull=True
    )


def invitation_for(actor: Actor, invitation_id: str) -> Invitation:
    """The invitation with this id, for those who may invite; NotFound for everybody else."""
    invitation = Invitation.objects.filter(pk=invitation_id).first()
    if invitation is None or not may(
        actor, PeopleAction.INVITE, PeopleSubject(invitation.organization_id)
    ):
        raise NotFound("There is no such invitation, or you can't see it.")
    return invitation


def invitation_behind(secret: str) -> Invitation:
    """The open invitation whose link this is.

    One error for links that were used, were revoked, have expired or never existed.
    """
    invitation = Invitation.objects.open().filter(digest=digest(secret)).first()
    if invitation is None:
        raise NotFound("This invitation can't be used (any more). Ask for a new one.")
    return invitation


def accept(*, secret: str, password: str, first_name: str, last_name: str) -> User:
    """Make the account that the link stands for, and use up the link."""
    with transaction.atomic():
        Invitation.objects.select_for_update().filter(digest=digest(secret)).first()
        invitation = invitation_behind(secret)
        user = create_user(
            organization=invitation.organization,
            email=invitation.email,
            password=password,
            first_name=first_name,
            last_name=last_name,
            is_admin=invitation.is_admin,
            is_dataset_manager=invitation.is_dataset_manager,
        )
        for team in invitation.teams.filter(is_default=False):
            TeamMembership.objects.create(team=team, user=user)
        invitation.accepted = timezone.now()
        invitation.save(update_fields=["accepted"])
    return user


def _require_no_colleague(organization: Organization, email: str) -> None:
    """Who has an account elsewhere is not this organization's to know: they learn it on accepting.

    An address stands for one account on the whole site.
    """
    if organization.users.filter(email__iexact=email).exists():
        raise Invalid(f"{email} has an account already and needs no invitation.")


def _mail(invitation: Invitation, secret: str) -> str:
    """Send the link once the transaction has committed; the link.

    The page that invites shows the link too, so a mail server that is away stops nobody.
    """
    link = settings.PUBLIC_URL + reverse("sharing:accept-invitation", args=[secret])
    send = partial(
        mail.send, to=invitation.email, template="invitation", invitation=invitation, link=link
    )
    transaction.on_commit(send, robust=True)
    return link
