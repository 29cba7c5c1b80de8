"""The admin's pages of datasets, folders, links and credentials: what operators do there."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from datasets.models import Dataset, DatasetTeam, Folder, Mag, StorageCredential
from datasets.services.audience import READ_DATASET, READ_FOLDER
from datasets.services.folders import root_of
from sharing.grants import granted_teams, set_teams
from sharing.models import SharingLink
from sharing.services.links import create_link
from tests.admin_rows import SECRET, FormFields, World, dataset_of
from tests.factories import make_dataset, make_folder, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def act(client: Client, model: str, action: str, *rows: Any) -> list[str]:
    response = client.post(
        reverse(f"admin:{model}_changelist"),
        {"action": action, "_selected_action": [row.pk for row in rows]},
        follow=True,
    )
    return [str(message) for message in response.context["messages"]]


def submit(client: Client, model: str, row: Any, **changes: Any) -> Any:
    address = reverse(f"admin:{model}_change", args=[row.pk])
    data = FormFields(client.get(address).content.decode()).data
    return client.post(address, {**data, **changes}, follow=True)


def names_in_list(client: Client, query: str) -> set[str]:
    response = client.get(reverse("admin:datasets_dataset_changelist") + query)
    return {row.name for row in response.context["cl"].result_list}


def test_a_page_shows_layers_mags_and_what_is_wrong_with_them(world: World) -> None:
    dataset = dataset_of(world.alpha)
    mag = dataset.layers.get().mags.get()
    mag.problem = "Its header can't be read."
    mag.save()
    page = (
        world.client("staff of alpha")
        .get(reverse("admin:datasets_dataset_change", args=[dataset.pk]))
        .content.decode()
    )
    assert "layer_of_alpha" in page
    assert "Its header can&#x27;t be read." in page


def test_a_broken_dataset_says_why_and_what_to_do(world: World) -> None:
    status = "Error: Invalid json format in datasource-properties.json: line 3"
    dataset = make_dataset(world.alpha, status=status, raw_properties='{"id": ')
    page = (
        world.client("staff of alpha")
        .get(reverse("admin:datasets_dataset_change", args=[dataset.pk]))
        .content.decode()
    )
    assert status in page
    assert "Correct datasource-properties.json" in page
    assert "{&quot;id&quot;: " in page


def test_text_from_disk_is_no_markup(world: World) -> None:
    dataset = make_dataset(world.alpha, status="Error: <script>alert(1)</script>")
    client = world.client("superuser")
    for address in (
        reverse("admin:datasets_dataset_changelist"),
        reverse("admin:datasets_dataset_change", args=[dataset.pk]),
    ):
        assert b"<script>alert" not in client.get(address).content


def test_datasets_are_found_by_condition_name_tag_and_id(world: World) -> None:
    fine = make_dataset(world.alpha, name="fine one")
    make_dataset(world.alpha, name="gone", status=Dataset.Status.NO_LONGER_AVAILABLE)
    make_dataset(world.alpha, name="broken", status="Error: Zero layer Dataset")
    make_dataset(world.alpha, name="waits", pending_hash="abc", pending_properties={"a": 1})
    mag = dataset_of(world.alpha).layers.get().mags.get()
    Dataset.objects.filter(pk=mag.layer.dataset_id).update(name="bad mag")
    Mag.objects.filter(pk=mag.pk).update(problem="It is gone.")
    client = world.client("staff of alpha")
    assert names_in_list(client, "?condition=problem") == {"gone", "broken"}
    assert names_in_list(client, "?condition=missing") == {"gone"}
    assert names_in_list(client, "?condition=error") == {"broken"}
    assert names_in_list(client, "?condition=pending") == {"waits"}
    assert names_in_list(client, "?condition=mags") == {"bad mag"}
    assert names_in_list(client, "?condition=usable") == {"fine one", "waits", "bad mag"}
    assert names_in_list(client, f"?q={fine.pk}") == {"fine one"}
    assert names_in_list(client, "?q=fin") == {"fine one"}


def test_teams_are_granted_as_a_choice_and_take_effect(world: World) -> None:
    dataset, team = dataset_of(world.alpha), make_team(world.alpha)
    client = world.client("staff of alpha")
    submit(client, "datasets_dataset", dataset, teams=[team.pk])
    assert DatasetTeam.objects.filter(dataset=dataset, team=team).exists()
    assert list(granted_teams(dataset, READ_DATASET)) == [team]
    submit(client, "datasets_dataset", dataset, teams=[])
    assert not DatasetTeam.objects.filter(dataset=dataset).exists()


def test_saving_a_page_that_nobody_changed_changes_no_grant(world: World) -> None:
    dataset, team = dataset_of(world.alpha), make_team(world.alpha)
    set_teams(dataset, READ_DATASET, [team])
    submit(world.client("superuser"), "datasets_dataset", dataset, name="renamed")
    dataset.refresh_from_db()
    assert dataset.name == "renamed"
    assert list(granted_teams(dataset, READ_DATASET)) == [team]


def test_teams_on_a_folder_reach_the_datasets_below_it(world: World) -> None:
    folder = make_folder(root_of(world.alpha))
    dataset = make_dataset(world.alpha, folder=make_folder(folder))
    team = make_team(world.alpha)
    submit(world.client("staff of alpha"), "datasets_folder", folder, teams=[team.pk])
    assert list(granted_teams(folder, READ_FOLDER)) == [team]
    assert DatasetTeam.objects.filter(dataset=dataset, team=team).exists()


@pytest.mark.parametrize("role", ["superuser", "staff of alpha"])
def test_no_team_or_folder_of_another_organization_is_taken(world: World, role: str) -> None:
    dataset = dataset_of(world.alpha)
    client = world.client(role)
    submit(client, "datasets_dataset", dataset, teams=[make_team(world.bravo).pk])
    submit(client, "datasets_dataset", dataset, folder=root_of(world.bravo).pk)
    dataset.refresh_from_db()
    assert not granted_teams(dataset, READ_DATASET).exists()
    assert dataset.folder == root_of(world.alpha)


def test_a_folder_is_shown_with_its_path_and_can_not_move_below_itself(world: World) -> None:
    outer = make_folder(root_of(world.alpha), "outer")
    inner = make_folder(outer, "inner")
    client = world.client("staff of alpha")
    page = client.get(reverse("admin:datasets_folder_changelist")).content.decode()
    assert "Datasets / outer / inner" in page
    response = submit(client, "datasets_folder", outer, parent=inner.pk)
    assert "below itself" in response.content.decode()
    assert Folder.objects.get(pk=outer.pk).parent == root_of(world.alpha)


def test_the_root_folder_stays_where_it_is(world: World) -> None:
    root, folder = root_of(world.alpha), make_folder(root_of(world.alpha))
    client = world.client("superuser")
    submit(client, "datasets_folder", root, parent=folder.pk)
    assert Folder.objects.get(pk=root.pk).parent is None
    address = reverse("admin:datasets_folder_delete", args=[root.pk])
    assert client.post(address, {"post": "yes"}).status_code == 403


def test_a_folder_that_holds_datasets_is_not_deleted(world: World) -> None:
    folder = make_folder(root_of(world.alpha))
    make_dataset(world.alpha, folder=folder)
    address = reverse("admin:datasets_folder_delete", args=[folder.pk])
    world.client("superuser").post(address, {"post": "yes"})
    assert Folder.objects.filter(pk=folder.pk).exists()


def test_revoking_links_names_each(world: World) -> None:
    dataset = dataset_of(world.alpha)
    links = [create_link(thing=dataset, name=name, created_by=None) for name in ("one", "two")]
    said = act(world.client("staff of alpha"), "sharing_sharinglink", "revoke", *links)
    assert sorted(said) == [
        f"The link 'one' to '{dataset}' is revoked.",
        f"The link 'two' to '{dataset}' is revoked.",
    ]
    assert not SharingLink.objects.usable().exists()


def test_a_secret_is_taken_kept_and_replaced_but_never_shown(world: World) -> None:
    client = world.client("staff of alpha")
    new = {"organization": "alpha", "name": "bucket", "kind": "s3", "scope": "s3://bucket/"}
    address = reverse("admin:datasets_storagecredential_add")
    assert "needs its secret" in client.post(address, new).content.decode()
    client.post(address, {**new, "secret": SECRET})
    credential = StorageCredential.objects.get()
    assert credential.created_by == world.people["staff of alpha"]
    submit(client, "datasets_storagecredential", credential, name="renamed")
    credential.refresh_from_db()
    assert credential.name == "renamed"
    assert credential.reveal_secret() == SECRET
    submit(client, "datasets_storagecredential", credential, secret="another")
    credential.refresh_from_db()
    assert credential.reveal_secret() == "another"


def test_reloading_says_what_became_of_each_dataset(world: World) -> None:
    home = Path(settings.BINARY_DATA_DIR) / world.alpha.pk
    home.mkdir(parents=True)
    try:
        gone = make_dataset(world.alpha, name="gone")
        said = act(world.client("staff of alpha"), "datasets_dataset", "reload", gone)
    finally:
        shutil.rmtree(home)
    assert said == [f"gone was read anew. {Dataset.Status.NO_LONGER_AVAILABLE.value}"]


def test_an_unreadable_data_directory_is_a_sentence_not_a_crash(world: World) -> None:
    said = act(
        world.client("staff of alpha"), "datasets_dataset", "reload", dataset_of(world.alpha)
    )
    assert "Check that its disk is mounted" in said[0]


def test_who_sees_a_dataset_is_told_without_naming_people(world: World) -> None:
    dataset, team = dataset_of(world.alpha), make_team(world.alpha, members=())
    make_user(world.alpha, first_name="Petra", is_dataset_manager=True)
    set_teams(dataset, READ_DATASET, [team])
    page = (
        world.client("staff of alpha")
        .get(reverse("admin:datasets_dataset_change", args=[dataset.pk]))
        .content.decode()
    )
    assert f"Team {team.name}" in page
    assert "Petra" not in page
