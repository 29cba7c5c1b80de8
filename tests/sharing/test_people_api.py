"""The API of people: what the public library parses, in every version, and the shape of errors."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.http import HttpRequest
from django.test import Client, RequestFactory
from rest_framework import exceptions

from sharing.access import ANONYMOUS
from sharing.api.actors import actor_from_data_request, actor_from_request
from sharing.api.errors import as_json, as_messages, success
from sharing.errors import Conflict, Invalid, NotSignedIn
from sharing.models import Organization, Team, User
from sharing.secrets import digest
from sharing.services.tokens import create_token
from tests.factories import make_dataset

SignedIn = Callable[[User], Client]
VERSIONS = ["", "/v13", "/v14", "/v15", "/v16"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_person_asking_has_every_key_that_the_library_requires(
    version: str, manager: User, team: Team, signed_in: SignedIn
) -> None:
    answer = signed_in(manager).get(f"/api{version}/user").json()
    default = Team.objects.get(organization=manager.organization, is_default=True)
    teams = sorted(answer.pop("teams"), key=lambda entry: entry["name"])
    assert teams == [
        {"id": default.pk, "name": "default", "isTeamManager": False},
        {"id": team.pk, "name": team.name, "isTeamManager": True},
    ]
    created = int(manager.created.timestamp() * 1000)
    assert answer == {
        "id": manager.pk,
        "email": "tina@example.org",
        "organization": manager.organization_id,
        "firstName": "Tina",
        "lastName": "Manager",
        "created": created,
        "lastActivity": created,
        "isActive": True,
        "isAdmin": False,
        "isDatasetManager": False,
        "experiences": {},
    }


def test_lists_hold_whom_and_what_the_actor_may_see(
    lab: Organization,
    team: Team,
    admin: User,
    member: User,
    manager: User,
    stranger: User,
    signed_in: SignedIn,
) -> None:
    def ids(user: User, path: str) -> set[str]:
        return {entry["id"] for entry in signed_in(user).get(path).json()}

    assert ids(admin, "/api/users") == {admin.pk, member.pk, manager.pk}
    assert ids(member, "/api/users") == {member.pk, manager.pk}
    assert ids(stranger, "/api/users") == {stranger.pk}
    assert ids(member, "/api/teams") == {team.pk for team in Team.objects.filter(organization=lab)}
    assert team.pk not in ids(stranger, "/api/teams")
    assert signed_in(member).get("/api/teams").json()[0].keys() == {"id", "name", "organization"}
    assert signed_in(admin).get(f"/api/users/{member.pk}").json()["email"] == member.email


def test_listing_people_does_not_ask_once_per_person(
    lab: Organization,
    team: Team,
    admin: User,
    signed_in: SignedIn,
    django_assert_num_queries: Callable[..., object],
) -> None:
    browser = signed_in(admin)
    browser.get("/api/users")
    # session, user, the actor's teams, people, memberships, teams
    with django_assert_num_queries(6):  # type: ignore[attr-defined]
        assert len(browser.get("/api/users").json()) == 3


def _request(path: str = "/", user: User | None = None, **headers: str) -> HttpRequest:
    request = RequestFactory(headers=headers).get(path)
    request.user = user or AnonymousUser()
    return request


def test_the_actor_is_whoever_session_or_header_say(member: User, admin: User) -> None:
    _, secret = create_token(user=admin, name="script")
    assert actor_from_request(_request()) == ANONYMOUS
    assert actor_from_request(_request(user=member)).user_id == member.pk
    for header in ({"X-Auth-Token": secret}, {"Authorization": f"Token {secret}"}):
        assert actor_from_request(_request(user=member, **header)).user_id == admin.pk
    with pytest.raises(NotSignedIn, match="Make a new one"):
        actor_from_request(_request(user=member, **{"X-Auth-Token": "wrong"}))


def test_tokens_in_the_query_are_sharing_links_and_on_data_routes_api_tokens_too(
    member: User,
) -> None:
    _, secret = create_token(user=member, name="script")
    plain = actor_from_request(_request(f"/?token={secret}&sharingToken=other"))
    assert plain.is_anonymous
    assert plain.link_digests == {digest(secret), digest("other")}
    assert actor_from_data_request(_request(f"/?token={secret}")).user_id == member.pk
    assert actor_from_data_request(_request(), path_token=secret).user_id == member.pk
    wrong = actor_from_data_request(_request("/?token=wrong"), path_token="bad")
    assert wrong.is_anonymous
    assert wrong.link_digests == {digest("wrong"), digest("bad")}


def test_a_deactivated_persons_token_makes_nobody_of_the_bearer(member: User) -> None:
    _, secret = create_token(user=member, name="script")
    User.objects.filter(pk=member.pk).update(is_active=False)
    assert actor_from_data_request(_request(f"/?token={secret}")).is_anonymous


@pytest.mark.parametrize(
    ("error", "status", "texts"),
    [
        (Invalid("one", "two"), 400, ["one", "two"]),
        (Conflict("taken"), 409, ["taken"]),
        (NotSignedIn("who?"), 401, ["who?"]),
        (
            exceptions.ValidationError({"name": ["too short"], "layers": [{"mag": ["odd"]}]}),
            400,
            ["name: too short", "layers.mag: odd"],
        ),
        (exceptions.ValidationError(["a", "b"]), 400, ["a", "b"]),
        (exceptions.ParseError("not JSON"), 400, ["not JSON"]),
    ],
)
def test_every_problem_is_a_message_of_its_own(
    error: Exception, status: int, texts: list[str]
) -> None:
    answer = as_messages(error, {})
    assert answer is not None
    assert answer.status_code == status
    assert answer.data == {"messages": [{"error": text} for text in texts]}


def test_a_fault_of_the_database_asks_to_come_again() -> None:
    answer = as_messages(OperationalError("deadlock detected: secret detail"), {})
    assert answer is not None
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "Try again in some seconds." in answer.data["messages"][0]["error"]
    assert "secret detail" not in str(answer.data)


def test_plain_views_answer_alike_and_success_has_its_own_key(db: None) -> None:
    assert as_json(Conflict("taken")).content == b'{"messages": [{"error": "taken"}]}'
    assert as_json(NotSignedIn("who?"))["WWW-Authenticate"] == "Token"
    assert success("done").data == {"messages": [{"success": "done"}]}


def test_an_address_that_takes_no_post_says_so_as_a_message(
    member: User, signed_in: SignedIn
) -> None:
    answer = signed_in(member).post("/api/user")
    assert answer.status_code == 405
    assert "not allowed" in answer.json()["messages"][0]["error"]


def test_a_sharing_token_opens_its_dataset_through_the_api(
    admin: User, signed_in: SignedIn
) -> None:
    dataset = make_dataset(admin.organization, status="Not imported yet.")
    path = f"/api/datasets/{dataset.pk}"
    token = signed_in(admin).get(f"{path}/sharingToken").json()["sharingToken"]
    assert Client().get(path).status_code == 404
    assert Client().get(f"{path}?sharingToken={token}").status_code == 200
