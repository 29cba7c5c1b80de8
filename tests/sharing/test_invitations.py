"""Invitations: one link, one account."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from sharing.access import Actor
from sharing.errors import Conflict, Invalid, NotAllowed, NotFound
from sharing.models import Invitation, Organization, Team, User
from sharing.services import invitations
from tests.factories import make_organization, make_team

Acting = Callable[[User], Actor]
ACCOUNT = {"first_name": "Nia", "last_name": "New", "password": "a good long one 7"}


def _path(link: str) -> str:
    return re.sub(r"^https?://[^/]+", "", link)


@pytest.fixture
def link(lab: Organization, admin: User, team: Team, acting: Acting) -> str:
    _, link = invitations.invite(
        actor=acting(admin),
        organization=lab,
        email="Nia@example.org",
        teams=[team],
        is_dataset_manager=True,
    )
    return _path(link)


def test_the_link_comes_by_mail_once_the_invitation_is_stored(
    lab: Organization,
    admin: User,
    acting: Acting,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        _, link = invitations.invite(actor=acting(admin), organization=lab, email="nia@example.org")
        assert not mail.outbox
    (letter,) = mail.outbox
    assert letter.to == ["nia@example.org"]
    assert letter.subject == f"You are invited to {lab} on WEBKNOSSOS"
    assert link in letter.body
    assert "Ada Admin invites you" in letter.body


def test_the_link_makes_an_account_with_teams_and_roles_and_signs_in(
    link: str, lab: Organization, team: Team
) -> None:
    visitor = Client()
    assert b"Nia@example.org" in visitor.get(link).content
    assert visitor.post(link, ACCOUNT).status_code == 302
    user = User.objects.get(email="nia@example.org")
    assert user.get_full_name() == "Nia New"
    assert user.organization == lab
    assert user.is_dataset_manager
    assert not user.is_admin
    assert set(user.teams.all()) == {team, Team.objects.get(organization=lab, is_default=True)}
    assert visitor.get("/api/user").json()["email"] == "nia@example.org"
    assert not user.check_password("")


def test_the_link_works_once(link: str) -> None:
    Client().post(link, ACCOUNT)
    again = Client().post(link, {**ACCOUNT, "first_name": "Eve"})
    assert again.status_code == 404
    assert User.objects.filter(email__iexact="nia@example.org").count() == 1
    assert User.objects.get(email="nia@example.org").first_name == "Nia"


def test_used_revoked_expired_and_made_up_links_look_the_same(
    link: str, lab: Organization, admin: User, acting: Acting
) -> None:
    def page_of(path: str) -> tuple[int, bytes]:
        answer = Client().get(path)
        return answer.status_code, answer.content

    def invite(email: str) -> tuple[Invitation, str]:
        invitation, link = invitations.invite(actor=acting(admin), organization=lab, email=email)
        return invitation, _path(link)

    Client().post(link, ACCOUNT)
    revoked, revoked_link = invite("r@example.org")
    invitations.revoke(actor=acting(admin), invitation=revoked)
    expired, expired_link = invite("e@example.org")
    Invitation.objects.filter(pk=expired.pk).update(expires=timezone.now())
    pages = {
        tuple(
            re.sub(rb"next=[^\"]*", b"", part) if isinstance(part, bytes) else part
            for part in page_of(path)
        )
        for path in (link, revoked_link, expired_link, "/auth/invitation/made-up")
    }
    ((status, content),) = pages
    assert status == 404
    assert b"for a new one" in content


def test_an_invitation_lasts_fourteen_days(link: str) -> None:
    invitation = Invitation.objects.get()
    assert invitation.expires - invitation.created == pytest.approx(
        timedelta(days=14), abs=timedelta(minutes=1)
    )


@pytest.mark.parametrize("password", ["short", "1234567890123", "password123", "nia@example.org"])
def test_a_weak_password_makes_no_account(link: str, password: str) -> None:
    answer = Client().post(link, {**ACCOUNT, "password": password})
    assert answer.status_code == 400
    assert answer.context["form"].errors["password"]
    assert not User.objects.filter(email__iexact="nia@example.org").exists()
    assert Client().get(link).status_code == 200


def test_sending_again_makes_a_new_link_and_ends_the_old_one(
    link: str, admin: User, acting: Acting
) -> None:
    Invitation.objects.update(expires=timezone.now())
    new = _path(invitations.resend(actor=acting(admin), invitation=Invitation.objects.get()))
    assert Client().get(link).status_code == 404
    assert Client().get(new).status_code == 200
    Client().post(new, ACCOUNT)
    with pytest.raises(Conflict, match="accepted or revoked meanwhile"):
        invitations.resend(actor=acting(admin), invitation=Invitation.objects.get())


def test_inviting_an_address_again_replaces_the_open_invitation(
    link: str, lab: Organization, admin: User, acting: Acting
) -> None:
    invitations.invite(actor=acting(admin), organization=lab, email="nia@EXAMPLE.org")
    assert Client().get(link).status_code == 404
    assert Invitation.objects.open().count() == 1


def test_colleagues_are_not_invited(
    lab: Organization, admin: User, member: User, acting: Acting
) -> None:
    with pytest.raises(Invalid, match="has an account already"):
        invitations.invite(actor=acting(admin), organization=lab, email=member.email.upper())


def test_inviting_tells_nothing_about_accounts_in_other_organizations(
    lab: Organization, admin: User, stranger: User, signed_in: Callable[[User], Client]
) -> None:
    def answer(email: str) -> tuple[int, str]:
        page = signed_in(admin).post("/users", {"email": email})
        text = page.content.decode().replace(email, "")
        text = text.replace(page.context["link"], "").replace(page.context["invited"].pk, "")
        return page.status_code, re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)

    answer("first@elsewhere.org")  # now the page knows when the admin was here
    Invitation.objects.all().delete()
    known = answer(stranger.email)
    Invitation.objects.all().delete()
    assert known == answer("nobody@elsewhere.org")


def test_who_has_an_account_elsewhere_learns_it_on_accepting(
    lab: Organization, admin: User, stranger: User, acting: Acting
) -> None:
    _, link = invitations.invite(actor=acting(admin), organization=lab, email=stranger.email)
    answer = Client().post(_path(link), ACCOUNT)
    assert answer.status_code == 400
    assert "an invitation to another address" in answer.content.decode()
    stranger.refresh_from_db()
    assert stranger.organization != lab


def test_nobody_is_invited_into_a_team_of_another_organization(
    lab: Organization, admin: User, acting: Acting
) -> None:
    with pytest.raises(Invalid):
        invitations.invite(
            actor=acting(admin),
            organization=lab,
            email="n@example.org",
            teams=[make_team(make_organization())],
        )


def test_only_admins_invite_and_strangers_see_no_invitation(
    link: str, lab: Organization, manager: User, stranger: User, acting: Acting
) -> None:
    invitation = Invitation.objects.get()
    for person, error in ((manager, NotAllowed), (stranger, NotFound)):
        with pytest.raises(error):
            invitations.invite(actor=acting(person), organization=lab, email="n@example.org")
        with pytest.raises(error):
            invitations.revoke(actor=acting(person), invitation=invitation)
        with pytest.raises(NotFound):
            invitations.invitation_for(acting(person), invitation.pk)
    assert Client().get(link).status_code == 200
