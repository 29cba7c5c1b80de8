"""API tokens: shown once, stored as digests, gone when revoked."""

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from sharing.errors import Invalid, NotFound
from sharing.models import ApiToken, SharingLink, User
from sharing.secrets import digest
from sharing.services import invitations, links, tokens
from tests.factories import make_dataset

SignedIn = Callable[[User], Client]


def test_a_token_acts_as_its_person_by_either_header(member: User) -> None:
    _, secret = tokens.create_token(user=member, name="script")
    for headers in (
        {"X-Auth-Token": secret},
        {"Authorization": f"Token {secret}"},
        {"Authorization": f"token  {secret}"},
    ):
        answer = Client(headers=headers).get("/api/user")
        assert answer.status_code == 200
        assert answer.json()["email"] == member.email


@pytest.mark.parametrize("header", ["X-Auth-Token", "Authorization"])
def test_a_wrong_token_in_a_header_is_refused_with_a_sentence(header: str, member: User) -> None:
    value = "wrong" if header == "X-Auth-Token" else "Token wrong"
    answer = Client(headers={header: value}).get("/api/user")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"
    (message,) = answer.json()["messages"]
    assert "Make a new one" in message["error"]


def test_without_a_token_the_api_asks_to_sign_in(db: None) -> None:
    answer = Client().get("/api/user")
    assert answer.status_code == 401
    assert set(answer.json()) == {"messages"}


def test_a_token_in_the_query_signs_nobody_in_outside_of_data_routes(member: User) -> None:
    _, secret = tokens.create_token(user=member, name="script")
    assert Client().get(f"/api/user?token={secret}").status_code == 401


def test_a_revoked_token_stops_at_once(member: User) -> None:
    token, secret = tokens.create_token(user=member, name="script")
    client = Client(headers={"X-Auth-Token": secret})
    assert client.get("/api/user").status_code == 200
    tokens.revoke_token(user=member, token_id=token.pk)
    assert client.get("/api/user").status_code == 401
    assert not tokens.tokens_of(member).exists()


def test_nobody_revokes_the_token_of_another(member: User, admin: User) -> None:
    token, secret = tokens.create_token(user=member, name="script")
    with pytest.raises(NotFound):
        tokens.revoke_token(user=admin, token_id=token.pk)
    assert tokens.authenticate(secret) is not None


def test_a_token_ends_on_its_day(member: User) -> None:
    token, secret = tokens.create_token(
        user=member, name="script", expires=timezone.now() + timedelta(days=1)
    )
    assert tokens.authenticate(secret) == token
    ApiToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert tokens.authenticate(secret) is None
    with pytest.raises(Invalid, match="later day"):
        tokens.create_token(user=member, name="late", expires=timezone.now())


def test_a_token_needs_a_name(member: User) -> None:
    with pytest.raises(Invalid, match="needs a name"):
        tokens.create_token(user=member, name=" ")


def test_use_is_noted_at_most_once_a_minute(member: User) -> None:
    token, secret = tokens.create_token(user=member, name="script")

    def last_used() -> object:
        return ApiToken.objects.get(pk=token.pk).last_used

    assert last_used() is None
    tokens.authenticate(secret)
    first = last_used()
    assert first is not None
    tokens.authenticate(secret)
    assert last_used() == first
    ApiToken.objects.update(last_used=timezone.now() - timedelta(seconds=61))
    tokens.authenticate(secret)
    assert last_used() > first  # type: ignore[operator]


def test_a_token_in_use_costs_one_query(
    member: User, django_assert_num_queries: Callable[..., object]
) -> None:
    _, secret = tokens.create_token(user=member, name="script")
    tokens.authenticate(secret)
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        tokens.authenticate(secret)
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        assert tokens.authenticate("") is None


def test_a_session_gets_tokens_that_end_and_leaves_none_behind(
    member: User, signed_in: SignedIn
) -> None:
    browser = signed_in(member)
    first, second = (browser.get("/api/auth/token").json()["token"] for _ in range(2))
    assert first != second
    for secret in (first, second):
        token = tokens.authenticate(secret)
        assert token is not None
        assert token.user == member
        assert token.name == "short-lived, made through /api/auth/token"
        assert token.expires is not None
        assert timezone.now() < token.expires < timezone.now() + timedelta(days=1)
    ApiToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
    browser.get("/api/auth/token")
    assert ApiToken.objects.count() == 1


def test_a_token_that_ends_cant_be_turned_into_one_that_does_not(member: User) -> None:
    end = timezone.now() + timedelta(minutes=1)
    _, secret = tokens.create_token(user=member, name="script", expires=end)
    script = Client(headers={"X-Auth-Token": secret})
    assert script.get("/api/auth/token").json() == {"token": secret}
    short_lived = tokens.authenticate(script.post("/api/userToken/generate").json()["token"])
    assert short_lived is not None
    assert short_lived.expires == end


def test_what_was_made_with_a_token_is_revoked_with_it(member: User) -> None:
    def made_with(secret: str) -> str:
        answer = Client(headers={"X-Auth-Token": secret}).post("/api/userToken/generate")
        made: str = answer.json()["token"]
        return made

    token, secret = tokens.create_token(user=member, name="script")
    child = made_with(secret)
    grandchild = made_with(child)
    other = tokens.create_short_lived_token(user=member, name="browser")
    tokens.revoke_token(user=member, token_id=token.pk)
    assert [tokens.authenticate(each) for each in (secret, child, grandchild)] == [None] * 3
    assert tokens.authenticate(other) is not None


def test_short_lived_tokens_end_and_are_cleared_away(member: User) -> None:
    first = tokens.create_short_lived_token(user=member, name="browser")
    token = tokens.authenticate(first)
    assert token is not None
    assert token.expires is not None
    assert timezone.now() < token.expires < timezone.now() + timedelta(days=1)
    ApiToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
    tokens.create_short_lived_token(user=member, name="browser")
    assert not ApiToken.objects.filter(pk=token.pk).exists()


def test_a_session_needs_the_csrf_token_for_a_token_but_a_script_does_not(
    member: User, signed_in: SignedIn
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.post("/api/userToken/generate").status_code == 403
    _, secret = tokens.create_token(user=member, name="script")
    script = Client(enforce_csrf_checks=True, headers={"X-Auth-Token": secret})
    assert script.post("/api/userToken/generate").status_code == 200


def test_secrets_stand_in_no_row_and_no_log_and_no_later_answer(
    admin: User,
    member: User,
    acting: Callable[[User], object],
    signed_in: SignedIn,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    browser = signed_in(admin)
    created = browser.post("/account/token", {"name": "script"})
    assert created["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    secret = created.context["secret"]
    assert secret in created.content.decode()
    link = links.create_link(thing=make_dataset(admin.organization), name="guest", created_by=admin)
    _, address = invitations.invite(
        actor=acting(admin), organization=admin.organization, email="new@example.org"
    )
    Client(headers={"X-Auth-Token": secret}).get("/api/user")
    Client(headers={"X-Auth-Token": secret + "x"}).get("/api/user")

    dump = StringIO()
    call_command("dumpdata", "sharing", "admin", stdout=dump)
    rows = dump.getvalue()
    assert digest(secret) in rows
    seen_later = "".join(
        browser.get(page).content.decode()
        for page in ("/account/token", "/account", "/users", "/api/user", "/api/users")
    )
    for hidden in (secret, links.reveal_token(link), address.rpartition("/")[2]):
        assert hidden not in rows
        assert hidden not in caplog.text
        assert hidden not in seen_later
        assert hidden not in json.dumps(dict(browser.session))


def test_a_link_is_copied_again_until_revoked(member: User) -> None:
    link = links.create_link(
        thing=make_dataset(member.organization), name="guest", created_by=member
    )
    token = links.reveal_token(SharingLink.objects.get(pk=link.pk))
    assert links.digests_of(token, None, "") == {link.digest}
    links.revoke_link(link=link)
    first = SharingLink.objects.get(pk=link.pk).revoked
    links.revoke_link(link=link)
    assert SharingLink.objects.get(pk=link.pk).revoked == first is not None
    assert not SharingLink.objects.usable().exists()
