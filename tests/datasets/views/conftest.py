"""A lab with people of every role, and clients that are signed in as them."""

from collections.abc import Callable

import pytest
from django.test import Client

from sharing.models import Organization, User
from tests.factories import make_organization, make_user

SignIn = Callable[[User], Client]


@pytest.fixture
def lab(db) -> Organization:
    return make_organization()


@pytest.fixture
def admin(lab: Organization) -> User:
    return make_user(lab, is_admin=True)


@pytest.fixture
def member(lab: Organization) -> User:
    return make_user(lab)


@pytest.fixture
def signed_in() -> SignIn:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in
