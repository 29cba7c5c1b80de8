"""THE table: who may do what with a dataset or folder; asked of datasets.access and of the list.

V view, L get a sharing link, E edit, D delete; v views by a link only, so finds it in no list.
"""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from datasets.access import Action, dataset_for, may, require
from datasets.models import Dataset, Folder
from datasets.services import links
from datasets.services.audience import READ_DATASET, READ_FOLDER
from datasets.services.folders import root_of
from sharing.access import ANONYMOUS, Actor, actor_for
from sharing.errors import NotAllowed, NotFound
from sharing.grants import set_teams
from sharing.models import SharingLink, Team, TeamMembership, User
from sharing.services.links import create_link, digests_of, reveal_token, revoke_link
from sharing.services.tokens import create_token
from tests.factories import (
    make_dataset,
    make_folder,
    make_organization,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db

# "own team": everybody of the lab below is in it, and the manager manages it. "joined team": the
# manager is a plain member of it. The outsider is in the team of the other organization's dataset.
TABLE = """
                    anonymous  outsider  member  manager  datasets  admin  superuser  deactivated
own team            -          -         VL      VLED     VLED      VLED   VLED       -
joined team         -          -         VL      VL       VLED      VLED   VLED       -
everybody's team    -          -         VL      VL       VLED      VLED   VLED       -
other team          -          -         -       -        VLED      VLED   VLED       -
folder's team       -          -         VL      VLED     VLED      VLED   VLED       -
ancestor's team     -          -         VL      VLED     VLED      VLED   VLED       -
sibling's team      -          -         -       VLED     VLED      VLED   VLED       -
own and other team  -          -         VL      VLED     VLED      VLED   VLED       -
no team             -          -         -       VLED     VLED      VLED   VLED       -
public, other team  V          V         VL      VL       VLED      VLED   VLED       V
public, no team     V          V         VL      VLED     VLED      VLED   VLED       V
sharing link        v          v         v       v        VLED      VLED   VLED       v
revoked link        -          -         -       -        VLED      VLED   VLED       -
expired link        -          -         -       -        VLED      VLED   VLED       -
link to another     -          -         -       -        VLED      VLED   VLED       -
other organization  -          VL        -       -        -         -      VLED       -
"""

FOLDERS = """
                    anonymous  outsider  member  manager  datasets  admin  superuser  deactivated
own team            -          -         V       VED      VED       VED    VED        -
joined team         -          -         V       V        VED       VED    VED        -
other team          -          -         -       -        VED       VED    VED        -
ancestor's team     -          -         V       VED      VED       VED    VED        -
no team             -          -         -       -        VED       VED    VED        -
other organization  -          V         -       -        -         -      VED        -
"""


class World:
    """A lab with datasets in every situation, an organization beside it, and people."""

    def __init__(self) -> None:
        self.lab, self.elsewhere = make_organization(), make_organization()
        people = {
            "outsider": make_user(self.elsewhere),
            "member": make_user(self.lab),
            "manager": make_user(self.lab),
            "datasets": make_user(self.lab, is_dataset_manager=True),
            "admin": make_user(self.lab, is_admin=True),
            "superuser": User.objects.create_superuser("root@example.org"),
            "deactivated": make_user(self.lab, is_admin=True, is_active=False),
        }
        colleagues = (people["member"], people["deactivated"], people["datasets"])
        self.own = make_team(self.lab, members=colleagues, managers=(people["manager"],))
        self.joined = make_team(self.lab, members=(*colleagues, people["manager"]))
        self.other = make_team(self.lab, managers=(make_user(self.lab),))
        self.theirs = make_team(self.elsewhere, members=(people["outsider"],))
        self.everybody = Team.objects.get(organization=self.lab, is_default=True)
        self.link_digests: frozenset[str] = frozenset()
        self._make_folders()
        self._make_datasets()
        self.actors = {"anonymous": Actor(link_digests=self.link_digests)} | {
            role: actor_for(user, link_digests=self.link_digests) for role, user in people.items()
        }

    def _make_folders(self) -> None:
        self.folders = {
            name: make_folder(root_of(self.lab))
            for name in ("own team", "joined team", "other team", "no team")
        }
        self.folders["ancestor's team"] = make_folder(make_folder(self.folders["own team"]))
        self.folders["other organization"] = make_folder(root_of(self.elsewhere))
        for name, team in (
            ("own team", self.own),
            ("joined team", self.joined),
            ("other team", self.other),
            ("other organization", self.theirs),
        ):
            set_teams(self.folders[name], READ_FOLDER, [team])

    def _make_datasets(self) -> None:
        self.datasets: dict[str, Dataset] = {}
        self._add("own team", self.own)
        self._add("joined team", self.joined)
        self._add("everybody's team", self.everybody)
        self._add("other team", self.other)
        self._add("folder's team", folder=self.folders["own team"])
        self._add("ancestor's team", folder=self.folders["ancestor's team"])
        self._add("sibling's team", folder=self.folders["no team"])
        self._add("own and other team", self.own, folder=self.folders["other team"])
        self._add("no team")
        self._add("public, other team", self.other, is_public=True)
        self._add("public, no team", is_public=True)
        for name in ("sharing link", "revoked link", "expired link", "link to another"):
            self._add(name, self.other)
        self.datasets["other organization"] = make_dataset(self.elsewhere)
        set_teams(self.datasets["other organization"], READ_DATASET, [self.theirs])
        self._link("sharing link")
        revoke_link(link=self._link("revoked link"))
        SharingLink.objects.filter(pk=self._link("expired link").pk).update(expires=timezone.now())

    def _add(
        self, situation: str, *teams: Team, folder: Folder | None = None, **fields: bool
    ) -> None:
        dataset = make_dataset(self.lab, folder=folder, **fields)
        set_teams(dataset, READ_DATASET, teams)
        self.datasets[situation] = dataset

    def _link(self, situation: str) -> SharingLink:
        link = create_link(thing=self.datasets[situation], name="guest", created_by=None)
        self.link_digests |= {link.digest}
        return link


@pytest.fixture
def world() -> World:
    return World()


def parsed(table: str) -> dict[str, dict[str, str]]:
    _, header, *rows = table.splitlines()
    roles = header.split()
    return {row[:20].strip(): dict(zip(roles, row[20:].split(), strict=True)) for row in rows}


def test_the_table_of_datasets(world: World) -> None:
    def letters(actor: Actor, dataset: Dataset) -> str:
        held = {
            letter
            for letter, action in zip("VLED", Action, strict=True)
            if may(actor, action, dataset)
        }
        if held == {"V"} and not may(_without_links(actor), Action.VIEW, dataset):
            return "v"
        return "".join(letter for letter in "VLED" if letter in held) or "-"

    actual = {
        situation: {role: letters(actor, dataset) for role, actor in world.actors.items()}
        for situation, dataset in world.datasets.items()
    }
    assert actual == parsed(TABLE)


def test_lists_show_exactly_what_may_be_viewed_without_a_link(world: World) -> None:
    expected = {
        role: {situation for situation, row in parsed(TABLE).items() if "V" in row[role]}
        for role in world.actors
    }
    name_of = {dataset.pk: situation for situation, dataset in world.datasets.items()}
    actual = {
        role: [name_of[dataset.pk] for dataset in Dataset.objects.visible_to(actor)]
        for role, actor in world.actors.items()
    }
    assert {role: set(names) for role, names in actual.items()} == expected
    assert all(len(names) == len(set(names)) for names in actual.values())


def test_the_query_for_what_may_be_edited_is_the_same_rule(world: World) -> None:
    for role, actor in world.actors.items():
        editable = Dataset.objects.editable_by(actor)
        expected = {situation for situation, row in parsed(TABLE).items() if "E" in row[role]}
        assert {name for name, d in world.datasets.items() if editable.contains(d)} == expected


def test_the_table_of_folders(world: World) -> None:
    def letters(actor: Actor, folder: Folder) -> str:
        actions = {"V": Action.VIEW, "E": Action.EDIT, "D": Action.DELETE}
        return "".join(key for key, action in actions.items() if may(actor, action, folder)) or "-"

    actual = {
        situation: {role: letters(actor, folder) for role, actor in world.actors.items()}
        for situation, folder in world.folders.items()
    }
    assert actual == parsed(FOLDERS)


def _without_links(actor: Actor) -> Actor:
    return Actor(**{**vars(actor), "link_digests": frozenset()})


def test_a_refusal_tells_insiders_what_to_do_and_strangers_nothing(world: World) -> None:
    dataset = world.datasets["own team"]
    with pytest.raises(NotAllowed, match="not allowed to edit"):
        require(world.actors["member"], Action.EDIT, dataset)
    with pytest.raises(NotFound, match="no such dataset") as hidden:
        require(world.actors["outsider"], Action.EDIT, dataset)
    with pytest.raises(NotFound) as missing:
        dataset_for(world.actors["outsider"], "0" * 24)
    assert str(hidden.value) == str(missing.value)
    with pytest.raises(NotFound, match="sign in"):
        dataset_for(ANONYMOUS, dataset.pk)


@pytest.mark.parametrize("path", ["/api/datasets/{}", "/api/v15/datasets/{}/sharingToken"])
@pytest.mark.parametrize("role", ["anonymous", "outsider", "member"])
def test_a_stranger_cant_tell_a_hidden_dataset_from_a_missing_one(
    path: str, role: str, world: World
) -> None:
    headers = {}
    if role != "anonymous":
        user = User.objects.get(pk=world.actors[role].user_id)
        headers = {"X-Auth-Token": create_token(user=user, name="test")[1]}
    hidden, missing = (
        Client(headers=headers).get(path.format(key))
        for key in (world.datasets["other team"].pk, "0123456789abcdef01234567")
    )
    assert hidden.status_code == missing.status_code
    assert hidden.status_code in {401, 404}
    assert hidden.content == missing.content
    assert hidden.headers == missing.headers


def test_deciding_about_a_dataset_takes_two_queries(
    world: World, django_assert_num_queries: object
) -> None:
    dataset = world.datasets["ancestor's team"]
    assert may(world.actors["member"], Action.VIEW, dataset)  # fills the content types' cache
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert may(world.actors["member"], Action.VIEW, dataset)


def test_the_list_asks_one_question(world: World, django_assert_num_queries: object) -> None:
    for actor in world.actors.values():
        with django_assert_num_queries(1):  # type: ignore[operator]
            list(Dataset.objects.visible_to(actor))


def test_leaving_a_team_takes_what_was_seen_through_it(world: World) -> None:
    user = User.objects.get(pk=world.actors["member"].user_id)
    dataset = world.datasets["ancestor's team"]
    assert may(actor_for(user), Action.VIEW, dataset)
    TeamMembership.objects.get(team=world.own, user=user).delete()
    assert not may(actor_for(user), Action.VIEW, dataset)
    assert not Dataset.objects.visible_to(actor_for(user)).filter(pk=dataset.pk).exists()


def test_a_team_that_is_deleted_opens_nothing_and_makes_its_datasets_nobodys(world: World) -> None:
    dataset = world.datasets["other team"]
    assert not may(world.actors["manager"], Action.VIEW, dataset)
    world.other.delete()
    assert may(world.actors["manager"], Action.EDIT, dataset)
    assert not may(world.actors["member"], Action.VIEW, dataset)


def test_whoever_may_get_the_sharing_token_gets_the_same_until_it_is_revoked(world: World) -> None:
    dataset = world.datasets["own team"]
    member, manager = world.actors["member"], world.actors["manager"]
    token = links.sharing_token(actor=member, dataset=dataset)
    assert links.sharing_token(actor=manager, dataset=dataset) == token
    visitor = Actor(link_digests=digests_of(token))
    assert may(visitor, Action.VIEW, dataset)

    with pytest.raises(NotAllowed):
        links.revoke_sharing_token(actor=member, dataset=dataset)
    links.revoke_sharing_token(actor=manager, dataset=dataset)
    assert not may(visitor, Action.VIEW, dataset)
    assert links.sharing_token(actor=member, dataset=dataset) != token


def test_named_links_are_listed_and_revoked_one_by_one(world: World) -> None:
    dataset = world.datasets["own team"]
    member, manager = world.actors["member"], world.actors["manager"]
    day = timezone.now() + timedelta(days=1)
    paper = links.create_link(actor=member, dataset=dataset, name="reviewers", expires=day)
    guest = links.create_link(actor=member, dataset=dataset, name="guest")
    assert paper.created_by_id == member.user_id
    assert set(links.links_of(actor=member, dataset=dataset)) == {paper, guest}
    links.revoke_link(actor=manager, dataset=dataset, link_id=paper.pk)
    assert set(links.links_of(actor=member, dataset=dataset)) == {guest}
    assert may(Actor(link_digests=digests_of(reveal_token(guest))), Action.VIEW, dataset)


def test_links_of_another_dataset_are_out_of_reach(world: World) -> None:
    theirs = SharingLink.objects.to(world.datasets["sharing link"]).get()
    with pytest.raises(NotFound, match="no such sharing link"):
        links.revoke_link(
            actor=world.actors["manager"], dataset=world.datasets["own team"], link_id=theirs.pk
        )
    assert SharingLink.objects.usable().contains(theirs)


@pytest.mark.parametrize("situation", ["sharing link", "other team"])
def test_a_link_lets_nobody_make_further_links(situation: str, world: World) -> None:
    with pytest.raises(NotAllowed if situation == "sharing link" else NotFound):
        links.sharing_token(actor=world.actors["member"], dataset=world.datasets[situation])
