"""Who sees and changes which folder: one table by role; hidden ones answer as if they weren't."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from datasets.models import Dataset, DatasetTeam, Folder
from datasets.services.audience import READ_DATASET, READ_FOLDER, differences
from datasets.services.folder_changes import move_folder
from datasets.services.folders import root_of
from sharing import generation
from sharing.access import actor_for
from sharing.errors import Invalid
from sharing.grants import granted_teams, set_teams
from sharing.models import Organization, Team, TeamMembership, User
from tests.factories import make_dataset, make_folder, make_organization, make_team, make_user

pytestmark = pytest.mark.django_db

# The tree: what lies in what, and which team it is given to. The member and the manager are in the
# teams "own" and "joined"; the manager manages "own". "apart" is a team of neither.
#
#   root
#   |- shared          own
#   |  `- inherits
#   |- joined          joined
#   |- secret          apart
#   |  |- open way                 on the way to "open below", which own may read
#   |  |  `- open below  own
#   |  `- for datasets             holds a dataset of own's
#   |- public way                  holds a public dataset
#   `- bare                        no team, nothing in it
#
# E may edit, V may view, b sees as a breadcrumb, - sees not at all.
TABLE = """
               member  manager  datasets  admin  outsider
root           b       b        E         E      -
shared         V       E        E         E      -
inherits       V       E        E         E      -
joined         V       V        E         E      -
secret         b       b        E         E      -
open way       b       b        E         E      -
open below     V       E        E         E      -
for datasets   b       b        E         E      -
public way     b       b        E         E      -
bare           -       -        E         E      -
"""


def _rows() -> dict[str, dict[str, str]]:
    header, *lines = TABLE.strip().splitlines()
    return {
        line[:15].strip(): dict(zip(header.split(), line[15:].split(), strict=True))
        for line in lines
    }


ROWS = _rows()
ROLES = ("member", "manager", "datasets", "admin", "outsider")


@dataclass
class World:
    """The tree of the table with its people."""

    lab: Organization
    people: dict[str, User]
    teams: dict[str, Team]
    folders: dict[str, Folder]


@pytest.fixture
def world() -> World:
    lab = make_organization()
    member, manager = make_user(lab), make_user(lab)
    people = {
        "member": member,
        "manager": manager,
        "datasets": make_user(lab, is_dataset_manager=True),
        "admin": make_user(lab, is_admin=True),
        "outsider": make_user(make_organization(), is_admin=True),
    }
    teams = {
        "own": make_team(lab, members=(member,), managers=(manager,)),
        "joined": make_team(lab, members=(member, manager)),
        "apart": make_team(lab),
    }
    root = root_of(lab)
    folders = {"root": root}
    for name, parent, team in (
        ("shared", "root", "own"),
        ("inherits", "shared", None),
        ("joined", "root", "joined"),
        ("secret", "root", "apart"),
        ("open way", "secret", None),
        ("open below", "open way", "own"),
        ("for datasets", "secret", None),
        ("public way", "root", None),
        ("bare", "root", None),
    ):
        folders[name] = make_folder(folders[parent], name)
        Folder.objects.filter(pk=folders[name].pk).update(
            metadata=[{"key": "note", "type": "string", "value": f"about {name}"}]
        )
        if team:
            set_teams(folders[name], READ_FOLDER, [teams[team]])
    dataset = make_dataset(lab, folder=folders["for datasets"])
    set_teams(dataset, READ_DATASET, [teams["own"]])
    make_dataset(lab, folder=folders["public way"], is_public=True)
    # Nobody but the leaders sees it, and so not its folder.
    set_teams(make_dataset(lab, folder=folders["bare"]), READ_DATASET, [teams["apart"]])
    return World(lab, people, teams, folders)


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def put(client: Client, folder: Folder, **body: Any) -> tuple[int, Any]:
    whole = {"name": folder.name, "allowedTeams": [], **body}
    answer = client.put(f"/api/folders/{folder.pk}", whole, content_type="application/json")
    return answer.status_code, answer.json()


@pytest.mark.parametrize("role", ROLES)
def test_the_tree_holds_what_the_role_sees(role: str, world: World) -> None:
    tree = {node["name"]: node for node in as_(world.people[role]).get("/api/folders/tree").json()}
    if role == "outsider":
        assert [node["id"] for node in tree.values()] == [
            root_of(world.people["outsider"].organization).pk
        ]
        return
    world.folders["root"].refresh_from_db()
    told = {name: node for name, node in tree.items() if name != "Datasets"}
    told["root"] = tree["Datasets"]
    assert {name for name, cells in ROWS.items() if cells[role] != "-"} == told.keys()
    for name, node in told.items():
        cell = ROWS[name][role]
        assert node["isEditable"] == (cell == "E")
        if name != "root":
            assert bool(node["metadata"]) == (cell != "b")
            assert node["parent"] in {other["id"] for other in told.values()}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ROWS)
def test_a_folder_answers_as_the_table_says(name: str, role: str, world: World) -> None:
    cell, folder = ROWS[name][role], world.folders[name]
    client = as_(world.people[role])
    answer = client.get(f"/api/folders/{folder.pk}")
    assert answer.status_code == (404 if cell == "-" else 200)
    if cell == "-":
        nowhere = client.get(f"/api/folders/{'0' * 24}")
        assert answer.content == nowhere.content
    else:
        told = answer.json()
        assert told["isEditable"] == (cell == "E")
        if cell == "b":
            assert told["metadata"] == told["allowedTeams"] == told["allowedTeamsCumulative"] == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ROWS)
def test_a_folder_is_changed_as_the_table_says(name: str, role: str, world: World) -> None:
    folder, client = world.folders[name], as_(world.people[role])
    expected = {"E": 200, "V": 403, "b": 403, "-": 404}[ROWS[name][role]]
    teams = [team.pk for team in granted_teams(folder, READ_FOLDER)]
    made = client.post(f"/api/folders/create?parentId={folder.pk}&name=new")
    assert made.status_code == expected
    assert Folder.objects.filter(parent=folder, name="new").exists() == (expected == 200)
    assert put(client, folder, name="renamed", allowedTeams=teams)[0] == expected
    assert Folder.objects.filter(pk=folder.pk, name="renamed").exists() == (expected == 200)
    gone = client.delete(f"/api/folders/{folder.pk}")
    assert gone.status_code == (400 if expected == 200 else expected)  # "new" is in it
    if expected == 200:
        assert client.delete(f"/api/folders/{made.json()['id']}").status_code == 200


@pytest.mark.parametrize(
    ("name", "to", "expected"),
    [
        ("inherits", "open below", 200),
        ("open below", "shared", 200),
        ("inherits", "joined", 403),
        ("inherits", "root", 403),
        ("joined", "shared", 403),
        ("bare", "shared", 404),
        ("inherits", "bare", 404),
    ],
)
def test_moving_needs_the_right_to_edit_both(
    name: str, to: str, expected: int, world: World
) -> None:
    folder, parent = world.folders[name], world.folders[to]
    answer = as_(world.people["manager"]).put(
        f"/api/folders/{folder.pk}/move?newParentId={parent.pk}"
    )
    assert answer.status_code == expected
    assert Folder.objects.filter(pk=folder.pk, parent=parent).exists() == (expected == 200)


def test_without_signing_in_there_are_no_folders(world: World) -> None:
    for path in ("root", "tree", world.folders["public way"].pk):
        assert Client().get(f"/api/folders/{path}").status_code == 401


# What a list of teams becomes: the folder is given to "own" and "apart".
@pytest.mark.parametrize(
    ("role", "sent", "expected"),
    [
        ("manager", {"own", "apart"}, {"own", "apart"}),
        ("manager", {"own"}, {"own", "apart"}),  # what they don't manage stays
        ("manager", set(), {"apart"}),
        ("manager", {"own", "joined"}, None),  # nor do they add it
        ("datasets", {"joined"}, {"joined"}),
        ("admin", set(), set()),
    ],
)
def test_a_team_manager_adds_and_drops_only_their_own_teams(
    role: str, sent: set[str], expected: set[str] | None, world: World
) -> None:
    folder = world.folders["shared"]
    set_teams(folder, READ_FOLDER, [world.teams["own"], world.teams["apart"]])
    status, answer = put(
        as_(world.people[role]),
        folder,
        name="renamed",
        allowedTeams=[world.teams[name].pk for name in sent],
    )
    held = {
        name
        for name, team in world.teams.items()
        if team in set(granted_teams(folder, READ_FOLDER))
    }
    if expected is None:
        assert status == 403
        assert f"to the team '{world.teams['joined']}'" in answer["messages"][0]["error"]
        assert held == {"own", "apart"}
        assert Folder.objects.get(pk=folder.pk).name == "shared"
    else:
        assert (status, held) == (200, expected)
        assert {team["id"] for team in answer["allowedTeams"]} <= {
            t.pk for t in world.teams.values()
        }


def test_who_drops_their_own_team_gets_an_answer_and_sees_the_folder_no_longer(
    world: World,
) -> None:
    client, folder = as_(world.people["manager"]), world.folders["shared"]
    status, answer = put(client, folder)
    assert status == 200
    assert answer["isEditable"] is False
    assert client.get(f"/api/folders/{folder.pk}").status_code == 404


def test_derived_rights_follow_and_cached_decisions_end(
    world: World, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    dataset = make_dataset(world.lab, folder=world.folders["inherits"])
    client = as_(world.people["admin"])
    for change in (
        lambda: put(client, world.folders["shared"]),
        lambda: client.put(
            f"/api/folders/{world.folders['shared'].pk}/move"
            f"?newParentId={world.folders['joined'].pk}"
        ),
    ):
        pairs = set(DatasetTeam.objects.filter(dataset=dataset).values_list("team"))
        before = generation.current()
        with django_capture_on_commit_callbacks(execute=True):
            change()
        assert set(DatasetTeam.objects.filter(dataset=dataset).values_list("team")) != pairs
        assert generation.current() > before
        assert not list(differences())


@pytest.mark.parametrize("role", ["admin", "manager", "member"])
def test_a_large_tree_costs_as_many_queries_as_a_small_one(role: str, world: World) -> None:
    client = as_(world.people[role])

    def tree() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as queries:
            nodes = client.get("/api/folders/tree").json()
        return len(nodes), len(queries)

    tree()
    small = tree()
    parents = [world.folders["shared"]]
    for _ in range(4):
        parents = Folder.objects.bulk_create(
            Folder(organization=world.lab, parent=parent, name=f"{number}")
            for parent in parents
            for number in range(5)
        )
    for folder in parents[:10]:
        make_dataset(world.lab, folder=folder)
        set_teams(folder, READ_FOLDER, [world.teams["joined"]])
    assert tree() == (small[0] + 5 + 25 + 125 + 625, small[1])
    assert small[1] <= 8


@pytest.mark.parametrize(
    "body",
    [
        {"allowedTeams": ["\ud800"]},
        {"allowedTeams": ["\0"]},
        {"allowedTeams": [{"id": "\ud800"}]},
        {"allowedTeams": [None]},
        {"metadata": [None]},
    ],
)
def test_what_no_folder_can_have_is_refused(body: dict[str, Any], world: World) -> None:
    status, told = put(as_(world.people["admin"]), world.folders["shared"], **body)
    assert status == 400
    assert next(iter(body)) in told["messages"][0]["error"]


@pytest.mark.django_db(transaction=True)
def test_two_moves_at_once_make_no_circle() -> None:
    """Each is fine alone: the second has to wait, and to see what the first did."""
    lab = make_organization()
    actor = actor_for(make_user(lab, is_admin=True))
    one, two = make_folder(root_of(lab)), make_folder(root_of(lab))
    outcome = []

    def second() -> None:
        try:
            move_folder(actor=actor, folder_id=two.pk, new_parent_id=one.pk)
            outcome.append("moved")
        except Invalid:
            outcome.append("refused")
        finally:
            connections.close_all()

    thread = threading.Thread(target=second)
    with transaction.atomic():
        move_folder(actor=actor, folder_id=one.pk, new_parent_id=two.pk)
        thread.start()
        thread.join(1)  # time to do wrong; what is right does not depend on it
        assert outcome == []
    thread.join(30)
    assert outcome == ["refused"]
    assert Folder.objects.chain_to(one.pk).first() == root_of(lab)


def test_a_managers_right_ends_with_the_role(world: World) -> None:
    client, folder = as_(world.people["manager"]), world.folders["shared"]
    teams = [world.teams["own"].pk]
    assert put(client, folder, allowedTeams=teams)[0] == 200
    membership = TeamMembership.objects.get(user=world.people["manager"], team=world.teams["own"])
    membership.is_manager = False
    membership.save()
    assert put(client, folder, allowedTeams=teams)[0] == 403


def test_what_a_folder_hides_still_keeps_it_from_being_deleted(world: World) -> None:
    folder = world.folders["inherits"]
    hidden = make_dataset(world.lab, folder=folder)
    Dataset.objects.filter(pk=hidden.pk).update(status="Deleted by user.")
    answer = as_(world.people["manager"]).delete(f"/api/folders/{folder.pk}")
    assert answer.status_code == 400
    assert hidden.name not in answer.content.decode()
