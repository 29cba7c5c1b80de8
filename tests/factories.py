"""Small factories: each makes one valid thing through the services that the site uses."""

from itertools import count
from typing import Any

from datasets.models import Dataset, Folder
from datasets.services.data_stores import local_data_store
from datasets.services.folders import root_of
from sharing.models import Organization, Team, TeamMembership, User
from sharing.services.organizations import create_organization, create_user

_numbers = count(1)

PASSWORD = "a long enough password"


def make_organization(organization_id: str | None = None) -> Organization:
    organization_id = organization_id or f"lab_{next(_numbers)}"
    return create_organization(organization_id=organization_id, name=f"Lab {organization_id}")


def make_user(organization: Organization, email: str | None = None, **fields: Any) -> User:
    email = email or f"person{next(_numbers)}@example.org"
    return create_user(organization=organization, email=email, password=PASSWORD, **fields)


def make_team(
    organization: Organization, *, members: tuple[User, ...] = (), managers: tuple[User, ...] = ()
) -> Team:
    team = Team.objects.create(organization=organization, name=f"team {next(_numbers)}")
    for user in members:
        TeamMembership.objects.create(team=team, user=user)
    for user in managers:
        TeamMembership.objects.create(team=team, user=user, is_manager=True)
    return team


def make_folder(parent: Folder, name: str | None = None) -> Folder:
    return Folder.objects.create(
        organization=parent.organization, parent=parent, name=name or f"folder {next(_numbers)}"
    )


def make_dataset(
    organization: Organization, *, folder: Folder | None = None, **fields: Any
) -> Dataset:
    name = fields.pop("name", f"dataset_{next(_numbers)}")
    return Dataset.objects.create(
        organization=organization,
        folder=folder or root_of(organization),
        data_store=local_data_store(),
        name=name,
        directory_name=fields.pop("directory_name", name),
        **fields,
    )
