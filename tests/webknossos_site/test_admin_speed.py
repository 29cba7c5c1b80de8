"""The lists of the admin ask the database the same number of questions, however long they are."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from conversion.models import Job
from datasets.models import Dataset, Folder
from sharing.models import ApiToken, Team, TeamMembership, User
from sharing.services.tokens import create_token
from tests.admin_rows import World, each_model, registered, url
from tests.factories import make_dataset, make_folder, make_team, make_user

pytestmark = pytest.mark.django_db

# Session, person, and what the list itself needs: its two counts, the page, and what it prefetches.
PINNED = {Dataset: 10, User: 9, Job: 9}


def queries_of(client: Any, address: str) -> int:
    client.get(address)  # warms what is asked once per process
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_long_lists_of_datasets_people_and_jobs_ask_no_more_than_short_ones() -> None:
    world = World()
    for model in registered():
        world.rows(model)
    client = world.client("superuser")
    short = {model: queries_of(client, url(model, "changelist")) for model in registered()}
    parent = None
    for number in range(8):
        parent = make_folder(parent or Folder.objects.get(organization="alpha", parent=None))
        person = make_user(world.alpha)
        make_team(world.alpha, members=(person,))
        create_token(user=person, name=f"script {number}")
        dataset = make_dataset(world.alpha, folder=parent)
        Job.objects.create(kind=Job.Kind.SCAN, organization=None, dataset=dataset, owner=person)
    assert TeamMembership.objects.count() > 8
    assert Team.objects.count() > 8
    assert ApiToken.objects.count() > 8
    for model, before in short.items():
        assert queries_of(client, url(model, "changelist")) == before, model.__name__
    assert {model: short[model] for model in PINNED} == PINNED


@each_model
def test_lists_of_staff_ask_few_questions(model: type[Model]) -> None:
    world = World()
    world.rows(model)
    client = world.client("staff of alpha")
    with CaptureQueriesContext(connection) as captured:
        client.get(url(model, "changelist"))
    assert len(captured) <= 20
