"""Roles and deactivation: an organization keeps an admin, and those shut out are out at once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from sharing.access import Actor, actor_for
from sharing.errors import Conflict, NotAllowed, NotFound
from sharing.models import Organization, Team, User
from sharing.services import people
from sharing.services.tokens import create_token
from tests.factories import PASSWORD, make_user

Acting = Callable[[User], Actor]


@pytest.fixture
def operator(db: None) -> Actor:
    return actor_for(User.objects.create_superuser("root@example.org"))


def test_an_admin_gives_and_takes_roles(member: User, admin: User, acting: Acting) -> None:
    people.change_roles(actor=acting(admin), user=member, is_admin=True, is_dataset_manager=True)
    assert acting(member).is_admin
    assert acting(member).is_dataset_manager
    people.change_roles(actor=acting(admin), user=member, is_admin=False, is_dataset_manager=False)
    assert not acting(member).is_admin
    assert not acting(member).is_dataset_manager


def test_nobody_takes_the_admin_role_from_themselves(
    lab: Organization, admin: User, acting: Acting
) -> None:
    make_user(lab, is_admin=True)
    with pytest.raises(Conflict, match="Ask another admin"):
        people.change_roles(
            actor=acting(admin), user=admin, is_admin=False, is_dataset_manager=True
        )
    with pytest.raises(Conflict, match="Ask another admin"):
        people.deactivate(actor=acting(admin), user=admin)
    assert acting(admin).is_admin


def test_an_admin_keeps_the_role_when_changing_their_other_one(admin: User, acting: Acting) -> None:
    people.change_roles(actor=acting(admin), user=admin, is_admin=True, is_dataset_manager=True)
    assert acting(admin).is_dataset_manager


def test_the_last_admin_cant_be_removed_even_by_an_operator(
    lab: Organization, admin: User, operator: Actor, acting: Acting
) -> None:
    make_user(lab, is_admin=True, is_active=False)
    with pytest.raises(Conflict, match="nobody else administers"):
        people.change_roles(actor=operator, user=admin, is_admin=False, is_dataset_manager=False)
    with pytest.raises(Conflict, match="nobody else administers"):
        people.deactivate(actor=operator, user=admin)
    assert acting(admin).is_admin


def test_two_admins_who_demote_each_other_leave_one(
    lab: Organization, admin: User, acting: Acting
) -> None:
    other = make_user(lab, is_admin=True)
    one, two = acting(admin), acting(other)  # both asked before either was demoted
    people.change_roles(actor=one, user=other, is_admin=False, is_dataset_manager=False)
    with pytest.raises(Conflict):
        people.change_roles(actor=two, user=admin, is_admin=False, is_dataset_manager=False)


def test_an_admin_has_no_say_over_an_operator_in_the_lab(
    lab: Organization, admin: User, acting: Acting
) -> None:
    operator = make_user(lab, is_staff=True)
    with pytest.raises(NotAllowed):
        people.deactivate(actor=acting(admin), user=operator)


def test_members_and_strangers_change_nobody(
    admin: User, member: User, manager: User, stranger: User, acting: Acting
) -> None:
    for actor, error in ((manager, NotAllowed), (member, NotAllowed), (stranger, NotFound)):
        with pytest.raises(error):
            people.deactivate(actor=acting(actor), user=member)
        with pytest.raises(error):
            people.change_roles(
                actor=acting(actor), user=member, is_admin=True, is_dataset_manager=False
            )
    assert acting(member) != Actor()


def test_a_deactivated_person_loses_session_and_tokens_and_gets_them_back(
    admin: User, member: User, acting: Acting, signed_in: Callable[[User], Client]
) -> None:
    browser = signed_in(member)
    _, secret = create_token(user=member, name="script")
    script = Client(headers={"X-Auth-Token": secret})
    assert browser.get("/api/user").status_code == script.get("/api/user").status_code == 200

    people.deactivate(actor=acting(admin), user=member)
    assert browser.get("/api/user").status_code == 401
    assert script.get("/api/user").status_code == 401
    form = {"username": member.email, "password": PASSWORD}
    assert Client().post("/auth/login", form).status_code == 200  # the form again, with an error

    people.reactivate(actor=acting(admin), user=member)
    assert script.get("/api/user").status_code == 200


def test_activity_is_noted_at_most_once_in_five_minutes(
    member: User, signed_in: Callable[[User], Client]
) -> None:
    def last_activity() -> object:
        return User.objects.get(pk=member.pk).last_activity

    browser = signed_in(member)
    browser.get("/api/user")
    first = last_activity()
    assert first is not None
    browser.get("/api/user")
    assert last_activity() == first
    User.objects.update(last_activity=timezone.now() - timedelta(minutes=6))
    browser.get("/api/user")
    assert last_activity() > first  # type: ignore[operator]


def test_a_visitor_leaves_no_trace(member: User) -> None:
    Client().get("/auth/login")
    assert User.objects.get(pk=member.pk).last_activity is None


def test_people_out_of_sight_look_like_people_who_are_not_there(
    member: User, stranger: User, team: Team, signed_in: Callable[[User], Client]
) -> None:
    browser = signed_in(member)
    hidden = browser.get(f"/api/users/{stranger.pk}")
    missing = browser.get("/api/users/0123456789abcdef01234567")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.content == missing.content
    assert hidden.headers == missing.headers
