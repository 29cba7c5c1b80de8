"""The demonstration site: an organization with people of every role and sample datasets on disk."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from conversion.samples import write_sample_datasets
from sharing.models import ApiToken, Organization, Team, TeamMembership, User
from sharing.services.organizations import create_organization, create_user
from sharing.services.tokens import authenticate, create_token

ORGANIZATION = "sample_organization"
TEAM = "Microscopy"

_PEOPLE: dict[str, dict[str, Any]] = {
    "admin": {
        "first_name": "Ada",
        "last_name": "Admin",
        "is_admin": True,
        "is_staff": True,
        "is_superuser": True,
    },
    "datasets": {"first_name": "Dana", "last_name": "Datasets", "is_dataset_manager": True},
    "teams": {"first_name": "Theo", "last_name": "Teams"},
    "member": {"first_name": "Mia", "last_name": "Member"},
}


def prepare(sign_in_file: Path) -> dict[str, str]:
    """Make what is missing of the demonstration, and write `sign_in_file` for its owner only.

    Returns its content: `url`, `email`, `password` and `token` of the admin. Run again over the
    same data it changes no account; a password or token that stopped working is made anew.
    """
    known = _read(sign_in_file)
    with transaction.atomic():
        organization = Organization.objects.filter(pk=ORGANIZATION).first() or create_organization(
            organization_id=ORGANIZATION, name="Sample organization"
        )
        password = known.get("password") or secrets.token_urlsafe(12)
        people = {name: _person(organization, name, password) for name in _PEOPLE}
        _team(organization, people)
        admin = people["admin"]
        token = known.get("token", "")
        owner = authenticate(token)
        if owner is None or owner.user != admin:
            ApiToken.objects.filter(user=admin, name="demo").delete()
            _, token = create_token(user=admin, name="demo")
    sign_in = {
        "url": settings.PUBLIC_URL,
        "email": admin.email,
        "password": password,
        "token": token,
    }
    _write(sign_in_file, sign_in)
    write_sample_datasets(settings.BINARY_DATA_DIR / ORGANIZATION)
    return sign_in


def sign_in_hint(sign_in: dict[str, str]) -> str:
    """What to print beside the address."""
    others = ", ".join(f"{name}@example.org" for name in _PEOPLE if name != "admin")
    return (
        f"Sign in as {sign_in['email']} with the password {sign_in['password']}\n"
        f"The same password works for {others}."
    )


def _person(organization: Organization, name: str, password: str) -> User:
    email = f"{name}@example.org"
    user = User.objects.filter(email=email).first()
    if user is None:
        return create_user(
            organization=organization, email=email, password=password, **_PEOPLE[name]
        )
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return user


def _team(organization: Organization, people: dict[str, User]) -> None:
    team, created = Team.objects.get_or_create(organization=organization, name=TEAM)
    if created:
        TeamMembership.objects.create(team=team, user=people["teams"], is_manager=True)
        TeamMembership.objects.create(team=team, user=people["member"])


def _read(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: Path, content: dict[str, str]) -> None:
    aside = path.with_suffix(".part")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
