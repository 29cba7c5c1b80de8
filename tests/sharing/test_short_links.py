"""Short links: to this site only, found by whoever has the key, and by nobody in the database."""

from collections.abc import Callable
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client, override_settings

from sharing.models import ShortLink, User
from sharing.services import short_links

SignedIn = Callable[[User], Client]
HERE = settings.PUBLIC_URL
LONG = f"{HERE}/datasets/x-0123/view?token=a-secret-token#1,2,3,0,1"
VERSIONS = ["", "/v13", "/v14", "/v15", "/v16"]


def shorten(client: Client, link: object, version: str = "") -> tuple[int, dict[str, str]]:
    answer = client.post(f"/api{version}/shortLinks", link, content_type="application/json")
    return answer.status_code, answer.json()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_short_link_leads_everybody_to_the_long_one(
    version: str, member: User, signed_in: SignedIn
) -> None:
    status, made = shorten(signed_in(member), f'"{LONG}"', version)
    assert (status, made["longLink"]) == (200, LONG)
    anonymous = Client()
    assert anonymous.get(f"/api{version}/shortLinks/byKey/{made['key']}").json() == made
    page = anonymous.get(f"/links/{made['key']}")
    assert (page.status_code, page["Location"]) == (302, LONG)


def test_nobody_shortens_without_signing_in(db: None) -> None:
    status, answer = shorten(Client(), f'"{LONG}"')
    assert status == 401
    assert set(answer) == {"messages"}
    assert not ShortLink.objects.exists()


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ('"https://evil.example/"', "Only addresses of this site"),
        (f'"{HERE}.evil.example/"', "Only addresses of this site"),
        (f'"{HERE}@evil.example/"', "Only addresses of this site"),
        (f'"{HERE}1/"', "Only addresses of this site"),
        (f'"{HERE}\\\\@evil.example/"', "Only addresses of this site"),
        ('"/datasets"', "Only addresses of this site"),
        ('"javascript:alert(1)"', "Only addresses of this site"),
        (f'"{HERE}/\\\\evil.example"', "no blanks, backslashes or line breaks"),
        (f'"{HERE}/\\r\\nSet-Cookie: a=b"', "no blanks, backslashes or line breaks"),
        (f'"{HERE}/{"a" * 8000}"', "too long"),
        ('{"longLink": "x"}', "JSON string"),
        ("17", "JSON string"),
    ],
)
def test_only_addresses_of_this_site_are_shortened(
    link: str, told: str, member: User, signed_in: SignedIn
) -> None:
    status, answer = shorten(signed_in(member), link)
    assert status == 400
    assert told in answer["messages"][0]["error"]
    assert not ShortLink.objects.exists()


@pytest.mark.parametrize("place", ["", "/", "?a=b", "#1,2,3", "//evil.example/"])
def test_a_link_stays_on_this_site_whatever_follows_its_address(place: str, member: User) -> None:
    key = short_links.shorten(user=member, long_link=HERE + place)
    assert Client().get(f"/links/{key}")["Location"] == HERE + place


def test_a_link_moves_with_the_site(member: User) -> None:
    key = short_links.shorten(user=member, long_link=LONG)
    with override_settings(PUBLIC_URL="https://new.example.org"):
        assert Client().get(f"/links/{key}")["Location"].startswith("https://new.example.org/data")


def test_a_made_up_key_is_a_page_for_people_and_a_message_for_programs(db: None) -> None:
    page = Client().get("/links/made-up")
    assert page.status_code == 404
    assert "for a new link" in page.content.decode()
    answer = Client().get("/api/shortLinks/byKey/made-up")
    assert answer.status_code == 404
    assert "There is no such short link" in answer.json()["messages"][0]["error"]


def test_keys_are_random_and_neither_they_nor_the_long_links_stand_in_the_database(
    member: User,
) -> None:
    keys = {short_links.shorten(user=member, long_link=LONG) for _ in range(3)}
    assert len(keys) == 3
    assert all(len(key) == 22 for key in keys)  # 128 bits
    dump = StringIO()
    call_command("dumpdata", "sharing", stdout=dump)
    assert "a-secret-token" not in dump.getvalue()
    assert not any(key in dump.getvalue() for key in keys)


def test_a_link_outlives_the_account_of_whoever_made_it(member: User) -> None:
    key = short_links.shorten(user=member, long_link=LONG)
    member.delete()
    assert Client().get(f"/links/{key}").status_code == 302
