"""The API of folders: what the public library parses, and what a folder takes."""

import json
from typing import Any

import pytest
from django.test import Client

from datasets.models import Dataset, Folder
from datasets.services.audience import READ_FOLDER
from datasets.services.folders import root_of
from sharing.access import actor_for
from sharing.grants import granted_teams, set_teams
from sharing.models import Organization, Team, User
from tests.factories import make_dataset, make_folder, make_organization, make_team, make_user

pytestmark = pytest.mark.django_db

VERSIONS = ["", "/v13", "/v14", "/v15", "/v16"]


@pytest.fixture
def lab() -> Organization:
    return make_organization()


@pytest.fixture
def admin(lab: Organization) -> User:
    return make_user(lab, is_admin=True)


@pytest.fixture
def root(lab: Organization) -> Folder:
    return root_of(lab)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def put(client: Client, folder: Folder, **body: Any) -> tuple[int, Any]:
    whole = {"name": folder.name, "allowedTeams": [], **body}
    answer = client.put(f"/api/folders/{folder.pk}", whole, content_type="application/json")
    return answer.status_code, answer.json()


def error(answer: Any) -> str:
    return " ".join(message["error"] for message in answer["messages"])


@pytest.mark.parametrize("version", VERSIONS)
def test_folders_are_made_read_moved_and_deleted_in_every_version(
    version: str, admin: User, root: Folder
) -> None:
    client, api = signed_in(admin), f"/api{version}/folders"
    assert client.get(f"{api}/root").json() == {
        "id": root.pk,
        "name": "Datasets",
        "parent": None,
        "metadata": [],
        "isEditable": True,
    }
    upper, lower = (
        client.post(f"{api}/create?parentId={root.pk}&name={name}").json()
        for name in ("upper", "lower")
    )
    assert upper == {
        "id": upper["id"],
        "name": "upper",
        "parent": root.pk,
        "metadata": [],
        "isEditable": True,
    }
    moved = client.put(f"{api}/{lower['id']}/move?newParentId={upper['id']}").json()
    assert moved == lower | {"parent": upper["id"]}
    names = [node["name"] for node in client.get(f"{api}/tree").json()]
    assert names == ["Datasets", "upper", "lower"]
    assert client.get(f"{api}/{lower['id']}").json() == {
        "id": lower["id"],
        "name": "lower",
        "allowedTeams": [],
        "allowedTeamsCumulative": [],
        "isEditable": True,
        "metadata": [],
    }
    gone = client.delete(f"{api}/{lower['id']}")
    assert gone.json() == {"messages": [{"success": "The folder 'lower' was deleted."}]}
    assert client.get(f"{api}/{lower['id']}").status_code == 404


def test_the_first_question_makes_the_root(lab: Organization) -> None:
    member = signed_in(make_user(lab))
    (node,) = member.get("/api/folders/tree").json()
    assert node["name"] == "Datasets"
    assert node["isEditable"] is False


def test_teams_are_told_for_the_folder_itself_and_with_those_from_above(
    lab: Organization, admin: User, root: Folder
) -> None:
    above, own = make_team(lab), make_team(lab)
    folder = make_folder(root)
    set_teams(root, READ_FOLDER, [above])
    set_teams(folder, READ_FOLDER, [own])
    told = signed_in(admin).get(f"/api/folders/{folder.pk}").json()
    assert told["allowedTeams"] == [{"id": own.pk, "name": own.name, "organization": lab.pk}]
    assert {team["id"] for team in told["allowedTeamsCumulative"]} == {above.pk, own.pk}


def test_teams_are_taken_as_ids_and_as_the_objects_that_the_library_sends_back(
    lab: Organization, admin: User, root: Folder
) -> None:
    one, two = make_team(lab), make_team(lab)
    folder = make_folder(root)
    both = [one.pk, {"id": two.pk, "name": two.name, "organization": lab.pk}]
    status, told = put(signed_in(admin), folder, allowedTeams=both, isEditable=True, id="ignored")
    assert status == 200
    assert {team["id"] for team in told["allowedTeams"]} == {one.pk, two.pk}
    put(signed_in(admin), folder, allowedTeams=[two.pk])
    assert set(granted_teams(folder, READ_FOLDER)) == {two}


METADATA = [
    {"key": "species", "type": "string", "value": "mouse"},
    {"key": "age", "type": "number", "value": 3.5},
    {"key": "tags", "type": "string[]", "value": ["a", "b"]},
]


def test_metadata_is_kept_unless_some_is_sent(admin: User, root: Folder) -> None:
    folder, client = make_folder(root), signed_in(admin)
    assert put(client, folder, metadata=METADATA)[1]["metadata"] == METADATA
    assert put(client, folder)[1]["metadata"] == METADATA
    assert put(client, folder, metadata=None)[1]["metadata"] == METADATA
    assert put(client, folder, metadata=[])[1]["metadata"] == []


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([{"key": " ", "type": "string", "value": "x"}], "empty key"),
        ([METADATA[0], METADATA[0]], "'species' stands there twice"),
        ([{"key": "a", "type": "date", "value": "x"}], "metadata.0.type"),
        ([{"key": "a", "type": "number", "value": "3"}], "said to be a number"),
        ([{"key": "a", "type": "number", "value": True}], "said to be a number"),
        ([{"key": "a", "type": "string", "value": 3}], "said to be a string"),
        ([{"key": "a", "type": "string[]", "value": ["x", 1]}], "said to be a string[]"),
        ([{"key": "a", "type": "string", "value": "nul\0"}], "can't be kept"),
        ([{"type": "string", "value": "x"}], "metadata.0.key"),
        ([{"key": "a", "type": "string"}], "metadata.0.value"),
        (["species"], "metadata"),
        ("species", "metadata"),
    ],
)
def test_metadata_that_cant_be_kept_changes_nothing(
    entries: object, told: str, admin: User, root: Folder
) -> None:
    folder = make_folder(root)
    status, answer = put(signed_in(admin), folder, name="other", metadata=entries)
    assert status == 400
    assert told in error(answer)
    unchanged = Folder.objects.get(pk=folder.pk)
    assert (unchanged.name, unchanged.metadata) == (folder.name, [])


BAD_NAMES = [
    ("", "name"),
    (" ", "name"),
    ("a/b", "'/' stands between folders"),
    ("x" * 257, "name"),
    ("two\nlines", "line breaks"),
]


@pytest.mark.parametrize(("name", "told"), BAD_NAMES)
def test_a_name_that_cant_be_taken_makes_and_changes_nothing(
    name: str, told: str, admin: User, root: Folder
) -> None:
    folder, client = make_folder(root), signed_in(admin)
    status, answer = put(client, folder, name=name)
    assert status == 400
    assert told in error(answer)
    made = client.post("/api/folders/create", query_params={"parentId": root.pk, "name": name})
    assert made.status_code == 400
    assert told in error(made.json())
    assert list(Folder.objects.filter(parent=root)) == [folder]
    assert Folder.objects.get(pk=folder.pk).name == folder.name


def test_a_name_holds_no_nul(admin: User, root: Folder) -> None:
    folder = make_folder(root)
    status, answer = put(signed_in(admin), folder, name="nul\0")
    assert status == 400
    assert "name" in error(answer)


def test_names_are_trimmed_hold_any_script_and_need_not_be_unique(
    admin: User, root: Folder
) -> None:
    client = signed_in(admin)
    for _ in range(2):
        made = client.post(
            "/api/folders/create", query_params={"parentId": root.pk, "name": " Mäuse 🐁 "}
        )
        assert made.json()["name"] == "Mäuse 🐁"
    assert put(client, root, name="All data")[1]["name"] == "All data"


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("post", "create?name=x", "parentId"),
        ("post", "create?parentId={root}", "name"),
        ("put", "{folder}/move", "newParentId"),
    ],
)
def test_what_is_missing_is_named(
    method: str, path: str, told: str, admin: User, root: Folder
) -> None:
    place = path.format(root=root.pk, folder=make_folder(root).pk)
    answer = getattr(signed_in(admin), method)(f"/api/folders/{place}")
    assert answer.status_code == 400
    assert told in error(answer.json())


def test_a_number_is_no_name(admin: User, root: Folder) -> None:
    status, answer = put(signed_in(admin), root, name=5)
    assert status == 400
    assert "name: A text is expected" in error(answer)
    assert Folder.objects.get(pk=root.pk).name == root.name


@pytest.mark.parametrize("body", [{}, {"name": "x"}, {"allowedTeams": []}, [], "x"])
def test_an_update_is_whole(body: object, admin: User, root: Folder) -> None:
    answer = signed_in(admin).put(
        f"/api/folders/{root.pk}", json.dumps(body), content_type="application/json"
    )
    assert answer.status_code == 400
    assert set(answer.json()) == {"messages"}


def move(client: Client, folder: Folder, to: Folder) -> tuple[int, str]:
    answer = client.put(f"/api/folders/{folder.pk}/move?newParentId={to.pk}")
    return answer.status_code, "" if answer.status_code == 200 else error(answer.json())


def test_a_folder_goes_neither_into_itself_nor_below_itself(admin: User, root: Folder) -> None:
    upper = make_folder(root)
    lower = make_folder(upper)
    lowest = make_folder(lower)
    for place in (upper, lower, lowest):
        status, told = move(signed_in(admin), upper, place)
        assert status == 400
        assert "into itself or a folder below it" in told
    assert Folder.objects.get(pk=upper.pk).parent == root
    assert move(signed_in(admin), lowest, upper) == (200, "")
    assert move(signed_in(admin), lowest, upper) == (200, "")  # where it is already


def test_the_root_stays(admin: User, root: Folder) -> None:
    client = signed_in(admin)
    status, told = move(client, root, make_folder(root))
    assert status == 400
    assert "can't be moved" in told
    answer = client.delete(f"/api/folders/{root.pk}")
    assert answer.status_code == 400
    assert "is the root of all folders" in error(answer.json())


def test_only_an_empty_folder_is_deleted(lab: Organization, admin: User, root: Folder) -> None:
    client, folder = signed_in(admin), make_folder(root)
    inner = make_folder(folder)
    path = f"/api/folders/{folder.pk}"
    refused = client.delete(path)
    assert refused.status_code == 400
    assert "is not empty" in error(refused.json())
    inner.delete()
    dataset = make_dataset(lab, folder=folder)
    assert client.delete(path).status_code == 400
    Dataset.objects.filter(pk=dataset.pk).update(folder=root)
    assert client.delete(path).status_code == 200
    assert not Folder.objects.filter(pk=folder.pk).exists()


def test_an_operator_moves_nothing_between_organizations(root: Folder) -> None:
    operator = signed_in(User.objects.create_superuser("root@example.org"))
    status, told = move(operator, make_folder(root), root_of(make_organization()))
    assert status == 400
    assert "another organization" in told


def test_an_operator_without_an_organization_is_told_so() -> None:
    operator = signed_in(User.objects.create_superuser("root@example.org"))
    for path in ("root", "tree"):
        answer = operator.get(f"/api/folders/{path}")
        assert answer.status_code == 404
        assert "belongs to no organization" in error(answer.json())


def test_moving_a_folder_and_changing_its_teams_changes_who_sees_the_datasets_in_it(
    lab: Organization, admin: User, root: Folder
) -> None:
    person, client = make_user(lab), signed_in(admin)
    team = make_team(lab, members=(person,))
    shared, folder = make_folder(root), make_folder(root)
    dataset = make_dataset(lab, folder=make_folder(folder))

    def is_seen() -> bool:
        seen = Dataset.objects.visible_to(actor_for(person)).filter(pk=dataset.pk).exists()
        assert (signed_in(person).get(f"/api/datasets/{dataset.pk}").status_code != 404) == seen
        return seen

    assert not is_seen()
    put(client, folder, allowedTeams=[team.pk])
    assert is_seen()
    put(client, folder, allowedTeams=[])
    assert not is_seen()
    put(client, shared, allowedTeams=[team.pk])
    assert move(client, folder, shared) == (200, "")
    assert is_seen()
    assert move(client, folder, root) == (200, "")
    assert not is_seen()


def test_no_team_of_another_organization_gets_a_folder(admin: User, root: Folder) -> None:
    foreign = make_team(make_organization())
    there, nowhere = (
        put(signed_in(admin), root, allowedTeams=[team_id]) for team_id in (foreign.pk, "f" * 24)
    )
    assert there[0] == nowhere[0] == 400
    assert error(there[1]).replace(foreign.pk, "") == error(nowhere[1]).replace("f" * 24, "")
    assert not granted_teams(root, READ_FOLDER).exists()


@pytest.mark.parametrize("team", [7, None, [], {"name": "x"}])
def test_a_team_is_named_by_its_id(team: object, admin: User, root: Folder) -> None:
    status, answer = put(signed_in(admin), root, allowedTeams=[team])
    assert status == 400
    assert "allowedTeams" in error(answer)


def test_deleting_a_team_takes_its_folders_from_it(
    lab: Organization, admin: User, root: Folder
) -> None:
    team = make_team(lab)
    put(signed_in(admin), root, allowedTeams=[team.pk])
    Team.objects.get(pk=team.pk).delete()
    assert signed_in(admin).get(f"/api/folders/{root.pk}").json()["allowedTeamsCumulative"] == []
