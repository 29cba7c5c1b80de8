"""Changing people and teams through the API: who may change what, and that it is all or nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from sharing.models import Organization, Team, TeamMembership, User
from tests.factories import make_organization, make_team, make_user

SignedIn = Callable[[User], Client]
VERSIONS = ["", "/v13", "/v14", "/v15", "/v16"]
ROLES = ("admin", "datasets", "manager", "member", "other", "stranger")


@pytest.fixture
def roles(
    lab: Organization, team: Team, admin: User, member: User, manager: User, stranger: User
) -> dict[str, User]:
    """One person in each role; `member` is in the team of `manager`, `other` in no team."""
    return {
        "admin": admin,
        "datasets": make_user(lab, is_dataset_manager=True),
        "manager": manager,
        "member": member,
        "other": make_user(lab),
        "stranger": stranger,
    }


def person(client: Client, user: User, version: str = "") -> dict[str, Any]:
    """Somebody as the API writes them, and as the public library sends them back."""
    found: dict[str, Any] = client.get(f"/api{version}/users/{user.pk}").json()
    return found


def patch(client: Client, user: User, body: object, version: str = "") -> tuple[int, Any]:
    path = f"/api{version}/users/{user.pk}"
    answer = client.patch(path, body, content_type="application/json")
    return answer.status_code, answer.json()


def error(answer: Any) -> str:
    (message,) = answer["messages"]
    return str(message["error"])


# What each role gets for sending this change of the member: a status.
CHANGES = """
change              admin datasets manager member other stranger
nothing             200   200      200     200    404   404
first name          200   403      403     200    404   404
admin               200   403      403     403    404   404
dataset manager     200   403      403     403    404   404
inactive            200   403      403     403    404   404
join own team       200   403      200     403    404   404
leave own team      200   403      200     403    404   404
manage own team     200   403      200     403    404   404
join other team     200   403      403     403    404   404
leave default team  409   403      403     403    404   404
"""


def _cases() -> list[tuple[str, str, int]]:
    header, *lines = CHANGES.strip().splitlines()
    return [
        (line[:20].strip(), role, int(status))
        for line in lines
        for role, status in zip(header[20:].split(), line[20:].split(), strict=True)
    ]


def _apply(change: str, body: dict[str, Any], team: Team, other_team: Team) -> None:
    def membership(of: Team, *, manages: bool = False) -> dict[str, Any]:
        return {"id": of.pk, "name": of.name, "isTeamManager": manages}

    default = [entry for entry in body["teams"] if entry["name"] == "default"]
    match change:
        case "first name":
            body["firstName"] = "Changed"
        case "admin":
            body["isAdmin"] = True
        case "dataset manager":
            body["isDatasetManager"] = True
        case "inactive":
            body["isActive"] = False
        case "join own team":
            body["teams"] = [*default, membership(team)]
        case "leave own team":
            body["teams"] = default
        case "manage own team":
            body["teams"] = [*default, membership(team, manages=True)]
        case "join other team":
            body["teams"] = [*body["teams"], membership(other_team)]
        case "leave default team":
            body["teams"] = [entry for entry in body["teams"] if entry["name"] != "default"]


@pytest.mark.parametrize(("change", "role", "status"), _cases())
def test_who_may_change_what_of_a_member(
    change: str,
    role: str,
    status: int,
    roles: dict[str, User],
    team: Team,
    admin: User,
    member: User,
    signed_in: SignedIn,
) -> None:
    if change == "join own team":
        TeamMembership.objects.get(team=team, user=member).delete()
    body = person(signed_in(admin), member)
    before = body.copy()
    _apply(change, body, team, make_team(team.organization))
    got, answer = patch(signed_in(roles[role]), member, body)
    assert got == status, answer
    after = person(signed_in(admin), member) if change != "admin" or got != 200 else answer
    for ignored in ("lastActivity", "teams"):
        body.pop(ignored), before.pop(ignored)
    expected = body if got == 200 else before
    assert {key: after[key] for key in expected} == expected
    if got == 200 and "team" in change:
        memberships = {entry["id"]: entry["isTeamManager"] for entry in answer["teams"]}
        assert (team.pk in memberships) == (change != "leave own team")
        assert memberships.get(team.pk, False) == (change == "manage own team")


def test_the_table_holds_every_role() -> None:
    assert {role for _, role, _ in _cases()} == set(ROLES)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_person_is_changed_in_every_version(
    version: str, member: User, admin: User, signed_in: SignedIn
) -> None:
    client = signed_in(admin)
    body = person(client, member, version) | {"lastName": "Maier"}
    assert patch(client, member, body, version) == (200, body)


def test_a_change_that_is_refused_in_part_changes_nothing(
    member: User, manager: User, team: Team, signed_in: SignedIn
) -> None:
    body = person(signed_in(manager), member)
    body["teams"] = [entry for entry in body["teams"] if entry["id"] != team.pk]
    body["isAdmin"] = True
    assert patch(signed_in(manager), member, body)[0] == 403
    assert TeamMembership.objects.filter(team=team, user=member).exists()


def test_only_what_is_sent_is_changed(member: User, admin: User, signed_in: SignedIn) -> None:
    before = person(signed_in(admin), member)
    status, after = patch(signed_in(admin), member, {"isDatasetManager": True})
    assert status == 200
    assert after == before | {"isDatasetManager": True}


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"email": "new@example.org"}, 400, "can't be changed here"),
        ({"organization": "elsewhere"}, 400, "can't be moved to another organization"),
        ({"teams": [{"id": "0" * 24, "isTeamManager": False}]}, 404, "There is no team"),
        ({"teams": [{"id": "a"}, {"id": "a"}]}, 400, "A team stands here twice"),
        ({"teams": [{"isTeamManager": False}]}, 400, "teams.0.id: "),
        ({"isAdmin": "perhaps"}, 400, "isAdmin: "),
        ({"firstName": "x" * 129}, 400, "firstName: "),
        ({"firstName": 5}, 400, "firstName: A text is expected"),
        ({"firstName": "nul\x00"}, 400, "firstName: "),
        ([], 400, "Invalid data"),
    ],
)
def test_what_cant_be_taken_is_told(
    change: object, status: int, told: str, member: User, admin: User, signed_in: SignedIn
) -> None:
    got, answer = patch(signed_in(admin), member, change)
    assert got == status
    assert told in error(answer)


def test_the_address_may_come_back_in_another_case(
    member: User, admin: User, signed_in: SignedIn
) -> None:
    assert patch(signed_in(admin), member, {"email": member.email.upper()})[0] == 200
    assert User.objects.get(pk=member.pk).email == member.email


def test_a_team_of_another_organization_is_none_at_all(
    member: User, admin: User, signed_in: SignedIn
) -> None:
    foreign = make_team(make_organization())
    there, nowhere = (
        patch(signed_in(admin), member, {"teams": [{"id": team_id}]})
        for team_id in (foreign.pk, "f" * 24)
    )
    assert there[0] == nowhere[0] == 404
    assert error(there[1]).replace(foreign.pk, "") == error(nowhere[1]).replace("f" * 24, "")


@pytest.mark.parametrize("change", [{"isAdmin": False}, {"isActive": False}])
def test_nobody_locks_the_organization_out_of_its_last_admin(
    change: dict[str, bool], lab: Organization, admin: User, signed_in: SignedIn
) -> None:
    assert patch(signed_in(admin), admin, change)[0] == 409
    operator = User.objects.create_superuser("root@example.org", organization=lab)
    status, answer = patch(signed_in(operator), admin, change)
    assert status == 409
    assert "Make somebody else admin first" in error(answer)
    make_user(lab, is_admin=True)
    assert patch(signed_in(operator), admin, change)[0] == 200


def test_an_admin_has_no_say_over_an_operator(
    lab: Organization, admin: User, signed_in: SignedIn
) -> None:
    operator = User.objects.create_superuser("root@example.org", organization=lab)
    assert patch(signed_in(admin), operator, {"isActive": False})[0] == 403
    assert patch(signed_in(admin), operator, {"firstName": "x"})[0] == 403


def test_who_is_deactivated_through_the_api_is_out_at_once(
    member: User, admin: User, signed_in: SignedIn
) -> None:
    theirs = signed_in(member)
    assert theirs.get("/api/user").status_code == 200
    patch(signed_in(admin), member, {"isActive": False})
    assert theirs.get("/api/user").status_code == 401
    patch(signed_in(admin), member, {"isActive": True})
    assert signed_in(member).get("/api/user").status_code == 200


def test_a_name_is_changed_by_a_person_themselves_on_any_role(
    roles: dict[str, User], signed_in: SignedIn
) -> None:
    for role, user in roles.items():
        status, answer = patch(signed_in(user), user, {"firstName": role})
        assert (status, answer["firstName"]) == (200, role)


TEAM_CHANGES = {"admin": 200, "datasets": 403, "manager": 403, "member": 403, "other": 403}


@pytest.mark.parametrize("role", TEAM_CHANGES)
def test_admins_make_and_delete_teams(
    role: str, roles: dict[str, User], lab: Organization, team: Team, signed_in: SignedIn
) -> None:
    client, status = signed_in(roles[role]), TEAM_CHANGES[role]
    made = client.post("/api/teams", {"name": " Lab A "}, content_type="application/json")
    assert made.status_code == status
    assert Team.objects.filter(organization=lab, name="Lab A").exists() == (status == 200)
    if status == 200:
        assert made.json() == {
            "id": Team.objects.get(name="Lab A").pk,
            "name": "Lab A",
            "organization": lab.pk,
        }
    assert client.delete(f"/api/teams/{team.pk}").status_code == status
    assert Team.objects.filter(pk=team.pk).exists() == (status != 200)


@pytest.mark.parametrize("version", VERSIONS)
def test_teams_are_made_and_deleted_in_every_version(
    version: str, admin: User, signed_in: SignedIn
) -> None:
    client = signed_in(admin)
    path = f"/api{version}/teams"
    made = client.post(path, {"name": "new"}, content_type="application/json").json()
    assert made in client.get(path).json()
    assert "was deleted" in client.delete(f"{path}/{made['id']}").json()["messages"][0]["success"]
    assert made not in client.get(path).json()


def test_a_team_needs_a_free_name_and_the_default_team_stays(
    lab: Organization, admin: User, team: Team, signed_in: SignedIn
) -> None:
    client = signed_in(admin)
    for name, status in (("", 400), (5, 400), ("x" * 129, 400), (team.name, 409)):
        answer = client.post("/api/teams", {"name": name}, content_type="application/json")
        assert answer.status_code == status
    default = Team.objects.get(organization=lab, is_default=True)
    answer = client.delete(f"/api/teams/{default.pk}")
    assert answer.status_code == 409
    assert "can't be deleted" in error(answer.json())


def test_a_team_of_another_organization_cant_be_deleted_nor_told_from_none(
    team: Team, stranger: User, signed_in: SignedIn
) -> None:
    client = signed_in(stranger)
    there, nowhere = (client.delete(f"/api/teams/{key}") for key in (team.pk, "0" * 24))
    assert there.status_code == nowhere.status_code == 404
    assert there.content == nowhere.content
    assert Team.objects.filter(pk=team.pk).exists()


def test_an_operator_without_an_organization_is_told_so(db: None, signed_in: SignedIn) -> None:
    operator = User.objects.create_superuser("root@example.org")
    answer = signed_in(operator).post(
        "/api/teams", {"name": "new"}, content_type="application/json"
    )
    assert answer.status_code == 409
    assert "no organization" in error(answer.json())


@pytest.mark.parametrize("path", ["/api/users", "/api/teams", "/api/user", "/api/users/x"])
def test_without_signing_in_there_is_nobody(path: str, db: None) -> None:
    assert Client().get(path).status_code == 401


def test_no_month_of_annotating_is_told_of_those_whom_one_sees(
    member: User, manager: User, stranger: User, team: Team, signed_in: SignedIn
) -> None:
    path = f"/api/users/{member.pk}/loggedTime"
    assert signed_in(manager).get(path).json() == {"loggedTime": []}
    assert signed_in(stranger).get(path).status_code == 404
