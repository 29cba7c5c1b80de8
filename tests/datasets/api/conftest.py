"""An organization with people of every role, and a dataset of one of its teams."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from datasets.models import Dataset
from datasets.properties import DataSource
from datasets.services.audience import READ_DATASET
from datasets.services.data_source import store
from datasets.storage import local
from sharing.grants import set_teams
from sharing.models import Organization, Team, User
from sharing.services.tokens import create_token
from tests.factories import make_dataset, make_organization, make_team, make_user


def as_user(user: User) -> Client:
    _, secret = create_token(user=user, name="test")
    return Client(headers={"X-Auth-Token": secret})


def some_layer(name: str = "color", **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "category": "color",
        "elementClass": "uint8",
        "dataFormat": "zarr",
        "boundingBox": {"topLeft": [0, 0, 0], "width": 32, "height": 32, "depth": 32},
        "mags": [{"mag": [1, 1, 1]}],
        **changes,
    }


def some_source(*layers: dict[str, Any]) -> dict[str, Any]:
    return {
        "scale": {"factor": [4, 4, 40], "unit": "nanometer"},
        "dataLayers": list(layers) or [some_layer()],
    }


@dataclass
class Lab:
    """`team` reads the dataset; `other` is another team of the organization."""

    organization: Organization
    team: Team
    other: Team
    dataset: Dataset
    clients: dict[str, Client] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)

    def __getitem__(self, role: str) -> Client:
        return self.clients[role]


@pytest.fixture
def lab(db: None) -> Lab:
    organization = make_organization()
    people = {
        "admin": make_user(organization, is_admin=True),
        "dataset manager": make_user(organization, is_dataset_manager=True),
        "team manager": make_user(organization),
        "manager of another team": make_user(organization),
        "member": make_user(organization),
        "colleague": make_user(organization),
        "stranger": make_user(make_organization(), is_admin=True),
    }
    team = make_team(organization, members=(people["member"],), managers=(people["team manager"],))
    other = make_team(organization, managers=(people["manager of another team"],))
    # Virtual: the tables alone hold it. Without the directory its disk would seem to be away.
    local.organization_directory(organization.pk).mkdir(parents=True, exist_ok=True)
    dataset = make_dataset(organization, is_virtual=True)
    store(dataset, DataSource.model_validate(some_source()))
    set_teams(dataset, READ_DATASET, [team])
    clients = {role: as_user(user) for role, user in people.items()}
    return Lab(organization, team, other, dataset, {**clients, "nobody": Client()}, people)
