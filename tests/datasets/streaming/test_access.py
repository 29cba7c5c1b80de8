"""Who gets at data: nobody without a right, and nobody any more once the right is gone."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.utils import timezone

from datasets.services.links import create_link
from datasets.streaming import access
from datasets.streaming.requests import Credential, CredentialKind
from datasets.streaming.tokens import opened_page_token, page_token
from sharing.access import actor_for
from sharing.models import SharingLink, User
from sharing.secrets import digest
from sharing.services import links, tokens
from tests.datasets.streaming.conftest import ask
from tests.datasets.streaming.streamed_data import LAYER, Streamed, make_streamed
from tests.factories import make_organization, make_team, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def streamed() -> Streamed:
    return make_streamed()


@pytest.fixture
def admin(streamed: Streamed) -> User:
    return make_user(streamed.dataset.organization, is_admin=True)


@pytest.fixture
def link(streamed: Streamed, admin: User) -> SharingLink:
    return create_link(actor=actor_for(admin), dataset=streamed.dataset, name="for napari")


def addresses(streamed: Streamed, door: str = "/data") -> list[str]:
    identifier, version = streamed.id, streamed.dataset.version
    return [
        f"{door}/zarr/{identifier}/datasource-properties.json",
        f"{door}/zarr/{identifier}/{LAYER}/1/.zarray",
        f"{door}/zarr/{identifier}/{LAYER}/1/0.0.0.0",
        f"{door}/ome-zarr/{identifier}/{LAYER}/zarr.json",
        f"{door}/ome-zarr/{identifier}/{LAYER}/1/c/0/0/0/0",
        f"{door}/viewer/{identifier}/{version}/{LAYER}/1/c/0/0/0/0",
        f"{door}/datasets/{identifier}/proxy/layers/{LAYER}/mags/1/zarr.json",
    ]


def signed_in(user: User) -> str:
    """The key of a new session of the user."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client.session.session_key


def cookie(session_key: str) -> dict[str, str]:
    return {"cookie": f"sessionid={session_key}"}


def test_a_stranger_cannot_tell_a_dataset_that_exists_from_one_that_does_not(get, streamed):
    stranger = make_user(make_organization())
    _, secret = tokens.create_token(user=stranger, name="mine")
    absent = Streamed(streamed.dataset, {}, (0, 0, 0))
    for headers in ({}, {"x-auth-token": secret}, {"x-auth-token": "wrong"}):
        seen = [get(url, headers=headers) for url in addresses(streamed)]
        urls = [url.replace(streamed.id, "f" * 24) for url in addresses(absent)]
        unseen = [get(url, headers=headers) for url in urls]
        assert {answer.status for answer in seen} == {404}
        assert seen == unseen


def test_all_that_carry_a_right_are_let_in(get, streamed, admin, link):
    token = links.reveal_token(link)
    _, secret = tokens.create_token(user=admin, name="script")
    session_key = signed_in(admin)
    for url in addresses(streamed):
        assert get(url).status == 404
        assert get(url, headers={"x-auth-token": secret}).status == 200
        assert get(url, headers={"authorization": f"Token {secret}"}).status == 200
        assert get(f"{url}?token={secret}").status == 200
        assert get(f"{url}?token={token}").status == 200
        assert get(url, headers={"x-auth-token": token}).status == 200
        assert get(url, headers=cookie(session_key)).status == 200
    pages = [
        page_token(streamed.id, session_key=session_key),
        page_token(streamed.id, link_digest=digest(token)),
    ]
    for door in [token, *pages]:
        for url in addresses(streamed, f"/data/t/{door}"):
            assert get(url).status == 200


def test_only_the_first_credential_counts(get, streamed, admin):
    """Else a cache that keys by the token alone would let the token in for everybody."""
    (url, *_) = addresses(streamed, "/data/t/wrong")
    assert get(url, headers=cookie(signed_in(admin))).status == 404


def test_a_bad_token_and_no_token_after_a_good_one_get_nothing(get, streamed, link):
    token = links.reveal_token(link)
    for good, bad, none in zip(
        addresses(streamed, f"/data/t/{token}"),
        addresses(streamed, f"/data/t/{token[:-1]}~"),
        addresses(streamed),
        strict=True,
    ):
        assert get(good).status == 200
        assert get(bad).status == 404
        assert get(none).status == 404
        assert get(good).status == 200


def test_a_page_token_opens_its_own_dataset_only(get, streamed, admin):
    other = make_streamed(organization=streamed.dataset.organization)
    token = page_token(streamed.id, session_key=signed_in(admin))
    assert get(addresses(streamed, f"/data/t/{token}")[0]).status == 200
    assert get(addresses(other, f"/data/t/{token}")[0]).status == 404


def test_a_page_token_stays_the_same_for_hours_and_ends(monkeypatch, settings):
    settings.PAGE_TOKEN_LIFETIME = timedelta(hours=8)
    start = 4 * 3600 * 1000
    monkeypatch.setattr("time.time", lambda: start)
    token = page_token("a" * 24, session_key="key")
    monkeypatch.setattr("time.time", lambda: start + 4 * 3600 - 1)
    assert page_token("a" * 24, session_key="key") == token
    assert opened_page_token(token) is not None
    monkeypatch.setattr("time.time", lambda: start + 8 * 3600)
    assert opened_page_token(token) is None
    assert page_token("a" * 24, session_key="key") != token


def test_a_page_token_shows_nobody_the_session_and_cannot_be_altered():
    token = page_token("a" * 24, session_key="the-session-key")
    assert opened_page_token(token).reader == "the-session-key"
    for place in range(2, len(token)):
        altered = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        found = opened_page_token(altered)
        # The last character may hold bits that mean nothing.
        assert found is None or (place == len(token) - 1 and found.reader == "the-session-key")


def revoke_link(streamed: Streamed, admin: User, link: SharingLink) -> None:
    links.revoke_link(link=link)


def delete_link(streamed: Streamed, admin: User, link: SharingLink) -> None:
    link.delete()


@pytest.mark.parametrize("end", [revoke_link, delete_link])
def test_a_link_ends_at_once(get, streamed, admin, link, end):
    token = links.reveal_token(link)
    page = page_token(streamed.id, link_digest=link.digest)
    urls = [addresses(streamed, f"/data/t/{door}")[2] for door in (token, page)]
    assert [get(url).status for url in urls] == [200, 200]
    end(streamed, admin, link)
    assert [get(url).status for url in urls] == [404, 404]


def sign_out(admin: User, session_key: str) -> None:
    SessionStore(session_key).delete()


def deactivate(admin: User, session_key: str) -> None:
    admin.is_active = False
    admin.save()


def demote(admin: User, session_key: str) -> None:
    admin.is_admin = False
    admin.save()


def change_password(admin: User, session_key: str) -> None:
    admin.set_password("another long password")
    admin.save()


@pytest.mark.parametrize("end", [sign_out, deactivate, demote, change_password])
def test_what_a_session_opened_ends_with_it_at_once(get, streamed, admin, end):
    session_key = signed_in(admin)
    page = addresses(streamed, f"/data/t/{page_token(streamed.id, session_key=session_key)}")[4]
    plain = addresses(streamed)[4]
    assert get(page).status == get(plain, headers=cookie(session_key)).status == 200
    end(admin, session_key)
    assert get(page).status == get(plain, headers=cookie(session_key)).status == 404


def test_a_token_that_is_revoked_ends_at_once(get, streamed, admin):
    token, secret = tokens.create_token(user=admin, name="script")
    url = addresses(streamed)[2]
    assert get(url, headers={"x-auth-token": secret}).status == 200
    tokens.revoke_token(user=admin, token_id=token.pk)
    assert get(url, headers={"x-auth-token": secret}).status == 404


def test_a_public_dataset_is_open_to_all_until_it_is_not(get, streamed):
    urls = addresses(streamed) + addresses(streamed, "/data/t/whatever")
    streamed.dataset.is_public = True
    streamed.dataset.save()
    assert {get(url).status for url in urls} == {200}
    streamed.dataset.is_public = False
    streamed.dataset.save()
    assert {get(url).status for url in urls} == {404}


def test_what_ends_by_the_clock_ends_within_a_minute(get, streamed, link, monkeypatch):
    clock = 1000.0
    monkeypatch.setattr(access.time, "monotonic", lambda: clock)
    url = addresses(streamed, f"/data/t/{links.reveal_token(link)}")[2]
    assert get(url).status == 200
    # As time passes: no row is saved, so nothing raises the generation.
    SharingLink.objects.filter(pk=link.pk).update(expires=timezone.now() - timedelta(seconds=1))
    assert get(url).status == 200
    clock += access.RECHECK_SECONDS
    assert get(url).status == 404


def test_a_member_of_a_team_gets_in_through_the_team_only(get, streamed):
    member = make_user(streamed.dataset.organization)
    make_team(streamed.dataset.organization, members=(member,))
    _, secret = tokens.create_token(user=member, name="script")
    url = addresses(streamed)[0]
    assert get(url, headers={"x-auth-token": secret}).status == 404


def test_a_repeated_request_asks_the_database_nothing(
    fast_path, streamed, link, django_assert_num_queries
):
    url = addresses(streamed, f"/data/t/{links.reveal_token(link)}")[4]
    assert ask(fast_path, url).status == 200
    with django_assert_num_queries(0):
        assert ask(fast_path, url).status == 200


def test_guesses_do_not_fill_the_memory(monkeypatch, streamed):
    monkeypatch.setattr(access, "_MAX_DECISIONS", 10)
    for number in range(25):
        with pytest.raises(access.NotFound):
            access.admitted(streamed.id, Credential(CredentialKind.ADDRESS, f"guess {number}"))
    assert len(access._decisions) <= 10
