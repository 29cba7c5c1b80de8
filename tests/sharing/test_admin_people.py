"""The admin's pages of people, teams, tokens and invitations: what operators do there."""

import re
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.test import Client
from django.urls import reverse

from sharing.models import ApiToken, Invitation, Organization, Team, TeamMembership, User
from sharing.services.invitations import accept
from sharing.services.tokens import authenticate, create_token
from tests.admin_rows import FormFields, World, operator
from tests.factories import PASSWORD, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def act(client: Client, model: str, action: str, *rows: Any) -> list[str]:
    """Run an action on rows; the messages that the person reads."""
    response = client.post(
        reverse(f"admin:{model}_changelist"),
        {"action": action, "_selected_action": [row.pk for row in rows]},
        follow=True,
    )
    return [str(message) for message in response.context["messages"]]


def submit(client: Client, model: str, row: Any, **changes: Any) -> Any:
    address = reverse(f"admin:{model}_change", args=[row.pk])
    data = FormFields(client.get(address).content.decode()).data
    return client.post(address, {**data, **changes}, follow=True)


def test_deactivating_says_what_happened_to_each_person(world: World) -> None:
    one, two = make_user(world.alpha), make_user(world.alpha)
    _, secret = create_token(user=one, name="script")
    said = act(world.client("staff of alpha"), "sharing_user", "deactivate", one, two)
    assert len(said) == 2
    assert any(one.email in sentence for sentence in said)
    assert authenticate(secret) is None
    assert LogEntry.objects.filter(object_id=one.pk).exists()


def test_a_deactivated_person_comes_back_as_they_were(world: World) -> None:
    person = make_user(world.alpha, is_active=False)
    act(world.client("staff of alpha"), "sharing_user", "reactivate", person)
    person.refresh_from_db()
    assert person.is_active


def test_nobody_deactivates_themselves_and_reads_why(world: World) -> None:
    said = act(
        world.client("superuser"), "sharing_user", "deactivate", operator(), make_user(world.alpha)
    )
    assert any("your own account" in sentence for sentence in said)
    assert operator().is_active
    assert User.objects.filter(is_active=False).count() == 1


def test_staff_give_roles_in_their_organization(world: World) -> None:
    person = make_user(world.alpha)
    submit(world.client("staff of alpha"), "sharing_user", person, is_dataset_manager="on")
    person.refresh_from_db()
    assert person.is_dataset_manager


def test_staff_give_themselves_no_role(world: World) -> None:
    staff = world.people["staff of alpha"]
    response = submit(world.client("staff of alpha"), "sharing_user", staff, is_admin="on")
    staff.refresh_from_db()
    assert not staff.is_admin
    assert "not allowed" in " ".join(str(m) for m in response.context["messages"])


def test_staff_change_nobodys_address(world: World) -> None:
    person = make_user(world.alpha)
    submit(world.client("staff of alpha"), "sharing_user", person, email="mine@alpha.example")
    assert User.objects.get(pk=person.pk).email == person.email


def test_superusers_make_staff(world: World) -> None:
    person = make_user(world.alpha)
    submit(world.client("superuser"), "sharing_user", person, is_staff="on")
    person.refresh_from_db()
    assert person.is_staff
    assert not person.is_superuser


def test_superusers_do_not_shut_themselves_out(world: World) -> None:
    me = operator()
    submit(world.client("superuser"), "sharing_user", me, first_name="Olga")
    me.refresh_from_db()
    assert me.is_superuser
    assert me.is_staff


def test_a_person_joins_a_team_on_their_page(world: World) -> None:
    person, team = make_user(world.alpha), make_team(world.alpha)
    submit(
        world.client("staff of alpha"),
        "sharing_user",
        person,
        **{"memberships-TOTAL_FORMS": 2, "memberships-1-team": team.pk, "memberships-1-id": ""},
        **{"memberships-1-user": person.pk, "memberships-1-is_manager": "on"},
    )
    assert TeamMembership.objects.get(team=team, user=person).is_manager


@pytest.mark.parametrize("role", ["superuser", "staff of alpha"])
def test_nobody_joins_a_team_of_another_organization(world: World, role: str) -> None:
    person, team = make_user(world.alpha), make_team(world.bravo)
    submit(
        world.client(role),
        "sharing_user",
        person,
        first_name="Changed",
        **{"memberships-TOTAL_FORMS": 2, "memberships-1-team": team.pk, "memberships-1-id": ""},
        **{"memberships-1-user": person.pk},
    )
    assert not TeamMembership.objects.filter(team=team, user=person).exists()
    assert User.objects.get(pk=person.pk).first_name != "Changed"


def test_a_refused_change_of_members_changes_nothing_and_says_why(world: World) -> None:
    team = Team.objects.get(organization=world.alpha, is_default=True)
    membership = team.memberships.exclude(user__is_superuser=True).first()
    data = FormFields(
        world.client("staff of alpha")
        .get(reverse("admin:sharing_team_change", args=[team.pk]))
        .content.decode()
    ).data
    row = next(
        name.removesuffix("-id")
        for name, value in data.items()
        if re.fullmatch(r"memberships-\d+-id", name) and value == str(membership.pk)
    )
    response = submit(
        world.client("staff of alpha"),
        "sharing_team",
        team,
        name="Other",
        **{f"{row}-DELETE": "on"},
    )
    assert TeamMembership.objects.filter(pk=membership.pk).exists()
    assert Team.objects.get(pk=team.pk).name == team.name
    assert "deactivate the account" in " ".join(str(m) for m in response.context["messages"])


def test_the_default_team_is_not_deleted_not_even_among_others(world: World) -> None:
    default = Team.objects.get(organization=world.alpha, is_default=True)
    client = world.client("superuser")
    assert (
        client.post(
            reverse("admin:sharing_team_delete", args=[default.pk]), {"post": "yes"}
        ).status_code
        == 403
    )
    client.post(
        reverse("admin:sharing_team_changelist"),
        {"action": "delete_selected", "_selected_action": [default.pk], "post": "yes"},
    )
    assert Team.objects.filter(pk=default.pk).exists()


def test_revoking_a_token_stops_it_and_says_whose(world: World) -> None:
    person = make_user(world.alpha)
    token, secret = create_token(user=person, name="nightly")
    said = act(world.client("staff of alpha"), "sharing_apitoken", "revoke", token)
    assert "nightly" in said[0]
    assert person.email in said[0]
    assert authenticate(secret) is None


def test_nobody_makes_a_token_for_somebody_else(world: World) -> None:
    person = make_user(world.alpha)
    address = reverse("admin:sharing_apitoken_add")
    response = world.client("superuser").post(address, {"user": person.pk, "name": "mine now"})
    assert response.status_code == 403
    assert not ApiToken.objects.filter(user=person).exists()


def test_an_invitation_is_mailed_and_its_link_shown_once(
    world: World, django_capture_on_commit_callbacks: Any
) -> None:
    client = world.client("staff of alpha")
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(
            reverse("admin:sharing_invitation_add"),
            {"organization": "alpha", "email": "new@lab.example", "is_dataset_manager": "on"},
            follow=True,
        )
    invitation = Invitation.objects.get(email="new@lab.example")
    link = re.search(r"/auth/invitation/([\w\-]+)", response.content.decode())
    assert link is not None
    assert link[0] in mail.outbox[0].body
    assert (
        link[0]
        not in client.get(
            reverse("admin:sharing_invitation_change", args=[invitation.pk])
        ).content.decode()
    )
    person = accept(secret=link[1], password=PASSWORD, first_name="N", last_name="N")
    assert person.organization == world.alpha
    assert person.is_dataset_manager


def test_an_invitation_is_sent_again_and_revoked(world: World) -> None:
    client = world.client("staff of alpha")
    client.post(
        reverse("admin:sharing_invitation_add"), {"organization": "alpha", "email": "n@lab.example"}
    )
    invitation = Invitation.objects.get()
    before = invitation.digest
    said = act(client, "sharing_invitation", "send_again", invitation)
    invitation.refresh_from_db()
    assert invitation.digest != before
    assert any("sent again" in sentence for sentence in said)
    act(client, "sharing_invitation", "revoke", invitation)
    invitation.refresh_from_db()
    assert invitation.revoked


def test_an_operator_unlocks_a_person(world: World) -> None:
    person, other = make_user(world.alpha), make_user(world.bravo)
    for address in (person.email, other.email):
        AccessAttempt.objects.create(
            username=address, ip_address="192.0.2.1", failures_since_start=99
        )
    said = act(world.client("staff of alpha"), "sharing_user", "unlock_sign_in", person)
    assert "may try again" in said[0]
    assert AccessAttempt.objects.get().username == other.email


def test_a_new_organization_gets_its_default_team(world: World) -> None:
    response = world.client("superuser").post(
        reverse("admin:sharing_organization_add"),
        {"id": "third", "name": "Third lab", "included_storage_bytes": 1024},
        follow=True,
    )
    assert response.status_code == 200
    made = Organization.objects.get(pk="third")
    assert made.included_storage_bytes == 1024
    assert Team.objects.filter(organization=made, is_default=True).count() == 1


def test_staff_raise_no_quota(world: World) -> None:
    submit(
        world.client("staff of alpha"),
        "sharing_organization",
        world.alpha,
        name="Renamed",
        included_storage_bytes=10**15,
    )
    world.alpha.refresh_from_db()
    assert world.alpha.name == "Renamed"
    assert world.alpha.included_storage_bytes is None


@pytest.mark.parametrize("model", ["sharing_user", "sharing_organization", "datasets_dataset"])
def test_nothing_that_owns_data_is_deleted_here(world: World, model: str) -> None:
    row = {"sharing_user": make_user(world.alpha), "sharing_organization": world.alpha}.get(model)
    if row is None:
        from tests.admin_rows import dataset_of

        row = dataset_of(world.alpha)
    address = reverse(f"admin:{model}_delete", args=[row.pk])
    assert world.client("superuser").post(address, {"post": "yes"}).status_code == 403
