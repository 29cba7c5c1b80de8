"""The access generation rises on commit with every change of access, and with nothing else.

Cached decisions of an older generation are worth nothing, so a change that does not raise it would
leave a revoked right in force.
"""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from datasets.services.audience import READ_DATASET, READ_FOLDER
from datasets.services.folders import root_of
from sharing import generation
from sharing.access import Actor, actor_for
from sharing.grants import set_teams
from sharing.models import User
from sharing.services import people, teams, tokens
from sharing.services.links import create_link, revoke_link
from tests.factories import make_dataset, make_folder, make_organization, make_team, make_user


@pytest.fixture
def world(db: None) -> SimpleNamespace:
    lab = make_organization()
    admin, member = make_user(lab, is_admin=True), make_user(lab)
    team = make_team(lab, members=(member,))
    parent = make_folder(root_of(lab))
    folder = make_folder(parent)
    dataset = make_dataset(lab, folder=folder)
    set_teams(parent, READ_FOLDER, [team])
    open_dataset = make_dataset(lab)
    set_teams(open_dataset, READ_DATASET, [team])
    client = Client()
    client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    return SimpleNamespace(
        lab=lab,
        admin=actor_for(admin),
        member=member,
        team=team,
        parent=parent,
        folder=folder,
        dataset=dataset,
        open_dataset=open_dataset,
        client=client,
        token=tokens.create_token(user=member, name="script")[0],
        link=create_link(thing=dataset, name="guest", created_by=admin),
    )


def _save(thing: Any, **changes: Any) -> None:
    for name, value in changes.items():
        setattr(thing, name, value)
    thing.save()


CHANGES: dict[str, Callable[[Any], Any]] = {
    "a member joins": lambda w: teams.add_member(actor=w.admin, team=w.team, user=make_user(w.lab)),
    "a member leaves": lambda w: teams.remove_member(actor=w.admin, team=w.team, user=w.member),
    "a member becomes manager": lambda w: teams.set_manager(
        actor=w.admin, team=w.team, user=w.member, is_manager=True
    ),
    "a team is deleted": lambda w: teams.delete_team(actor=w.admin, team=w.team),
    "a dataset is granted": lambda w: set_teams(w.dataset, READ_DATASET, [make_team(w.lab)]),
    "a dataset's grant is taken": lambda w: set_teams(w.open_dataset, READ_DATASET, []),
    "a folder is granted": lambda w: set_teams(w.folder, READ_FOLDER, [make_team(w.lab)]),
    "a folder's grant is taken": lambda w: set_teams(w.parent, READ_FOLDER, []),
    "a folder moves": lambda w: _save(w.folder, parent=root_of(w.lab)),
    "a dataset moves": lambda w: _save(w.dataset, folder=root_of(w.lab)),
    "a dataset becomes public": lambda w: _save(w.dataset, is_public=True),
    "a dataset is deleted": lambda w: w.open_dataset.delete(),
    "a token is revoked": lambda w: tokens.revoke_token(user=w.member, token_id=w.token.pk),
    "a link is revoked": lambda w: revoke_link(link=w.link),
    "somebody gets a role": lambda w: people.change_roles(
        actor=w.admin, user=w.member, is_admin=False, is_dataset_manager=True
    ),
    "somebody is deactivated": lambda w: people.deactivate(actor=w.admin, user=w.member),
    "a password changes": lambda w: (w.member.set_password("another one 9"), w.member.save()),
    "somebody signs out": lambda w: w.client.post("/auth/logout"),
}

Capture = Callable[..., Any]


class OwnCounter:
    """Counts what this test's thread raises: a server thread of an earlier test may still work."""

    def __init__(self) -> None:
        self._value = 0
        self._thread = threading.get_ident()

    def read(self) -> int:
        return self._value

    def bump(self) -> None:
        self._value += threading.get_ident() == self._thread


@pytest.fixture(autouse=True)
def own_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    own = OwnCounter()
    monkeypatch.setattr(generation, "counter", lambda: own)


@pytest.mark.parametrize("change", CHANGES)
def test_the_generation_rises_once_the_change_is_committed(
    change: str, world: SimpleNamespace, django_capture_on_commit_callbacks: Capture
) -> None:
    before = generation.current()
    with django_capture_on_commit_callbacks(execute=True):
        CHANGES[change](world)
        assert generation.current() == before
    assert generation.current() > before


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_is_rolled_back_leaves_the_generation(
    change: str, world: SimpleNamespace, django_capture_on_commit_callbacks: Capture
) -> None:
    before = generation.current()
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        CHANGES[change](world)
        transaction.set_rollback(True)
    assert generation.current() == before


QUIET: dict[str, Callable[[Any], Any]] = {
    "a token is used": lambda w: (
        tokens.authenticate("wrong") or tokens.authenticate(w.token.digest)
    ),
    "somebody is active": lambda w: w.client.get("/api/user"),
    "a token is made": lambda w: tokens.create_token(user=w.member, name="another"),
    "a link is made": lambda w: create_link(thing=w.dataset, name="x", created_by=None),
    "somebody changes their name": lambda w: people.rename(
        actor=actor_for(w.member), user=w.member, first_name="N", last_name="M"
    ),
    "somebody signs in": lambda w: User.objects.get(pk=w.member.pk).save(
        update_fields=["last_login"]
    ),
}


@pytest.mark.parametrize("change", QUIET)
def test_what_changes_no_access_keeps_cached_decisions(
    change: str, world: SimpleNamespace, django_capture_on_commit_callbacks: Capture
) -> None:
    before = generation.current()
    with django_capture_on_commit_callbacks(execute=True):
        QUIET[change](world)
    assert generation.current() == before


def test_the_digest_of_a_token_is_not_the_token(world: SimpleNamespace) -> None:
    assert tokens.authenticate(world.token.digest) is None
    assert world.admin != Actor()
