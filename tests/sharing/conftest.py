"""A lab with people in each role, and clients that act as them."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from sharing.access import Actor, actor_for
from sharing.models import Organization, Team, User
from tests.factories import make_organization, make_team, make_user
from webknossos_site.celery import app


@pytest.fixture
def lab(db: None) -> Organization:
    return make_organization()


@pytest.fixture
def admin(lab: Organization) -> User:
    return make_user(lab, "ada@example.org", is_admin=True, first_name="Ada", last_name="Admin")


@pytest.fixture
def member(lab: Organization) -> User:
    return make_user(lab, "mo@example.org", first_name="Mo", last_name="Member")


@pytest.fixture
def manager(lab: Organization) -> User:
    return make_user(lab, "tina@example.org", first_name="Tina", last_name="Manager")


@pytest.fixture
def team(lab: Organization, member: User, manager: User) -> Team:
    return make_team(lab, members=(member,), managers=(manager,))


@pytest.fixture
def stranger() -> User:
    """An admin, but of another organization."""
    return make_user(make_organization(), "sam@elsewhere.org", is_admin=True)


@pytest.fixture
def acting(team: Team) -> Callable[[User], Actor]:
    """The actor behind a person, as they are in the database now."""
    return lambda user: actor_for(User.objects.get(pk=user.pk))


@pytest.fixture
def signed_in() -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in


@pytest.fixture
def tasks_run_at_once() -> Iterator[None]:
    """Work for a worker is done where it is ordered."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False
