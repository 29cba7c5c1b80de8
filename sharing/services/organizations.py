"""Organizations and the accounts in them."""

from typing import Any

from django.db import transaction

from sharing.errors import Invalid
from sharing.models import Organization, Team, TeamMembership, User


@transaction.atomic
def create_organization(*, organization_id: str, name: str) -> Organization:
    """A new organization with its default team, which everybody in it joins."""
    organization = Organization(id=organization_id, name=name)
    organization.full_clean()
    organization.save(force_insert=True)
    Team.objects.create(organization=organization, name="default", is_default=True)
    return organization


@transaction.atomic
def create_user(
    *, organization: Organization, email: str, password: str | None, **fields: Any
) -> User:
    """A new account in the organization and in its default team.

    Raises Invalid where somebody already has the address.
    """
    if User.objects.filter(email__iexact=email).exists():
        raise Invalid(
            f"There is already an account for {email} on this site, and an address stands for one "
            "account. Sign in with it, or ask for an invitation to another address."
        )
    user = User.objects.create_user(email, password, organization=organization, **fields)
    default_team = Team.objects.get(organization=organization, is_default=True)
    TeamMembership.objects.create(team=default_team, user=user)
    return user
