"""Deleting a dataset: what goes, what stays, and whom it would hurt."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from datasets.properties import DataSource
from datasets.services import emptying, links
from datasets.services.audience import READ_DATASET
from datasets.services.composing import ComposedLayer, compose
from datasets.services.data_source import store
from datasets.services.deleting import delete_dataset, users_of_data
from datasets.storage import trash
from sharing.access import Actor, actor_for
from sharing.errors import Conflict, NotAllowed, NotFound
from sharing.grants import set_teams
from sharing.models import Organization, SharingLink, User
from tests.datasets.disk import on_disk
from tests.factories import make_dataset, make_organization, make_team, make_user


@pytest.fixture
def admin(lab: Organization) -> Actor:
    return actor_for(make_user(lab, is_admin=True))


def scanned(lab: Organization, name: str) -> Dataset:
    scan_organization(lab)
    return Dataset.objects.get(organization=lab, directory_name=name)


def user_of(lab: Organization, source: Path, name: str) -> Path:
    """A dataset whose layer is a link to the source's."""
    directory = on_disk.organization_directory(lab) / name
    directory.mkdir()
    (directory / "color").symlink_to(source / "color")
    on_disk.write_properties(directory)
    return directory


def exists(dataset: Dataset) -> bool:
    return Dataset.objects.filter(pk=dataset.pk).exists()


def test_a_dataset_goes_with_its_data_and_links(lab: Organization, admin: Actor) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    dataset = scanned(lab, "brain")
    links.sharing_token(actor=admin, dataset=dataset)
    delete_dataset(actor=admin, dataset=dataset)
    assert not exists(dataset)
    assert not directory.exists()
    assert not SharingLink.objects.exists()
    scan_organization(lab)
    assert not Dataset.objects.exists()
    emptying.empty(lab.pk)
    assert not list((directory.parent / ".trash").iterdir())


def test_much_data_goes_in_stretches_so_that_other_work_gets_its_turn(
    lab: Organization, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    dataset, sent = scanned(lab, "brain"), []
    monkeypatch.setattr(emptying.current_app, "send_task", lambda *a, **o: sent.append((a, o)))
    delete_dataset(actor=admin, dataset=dataset)
    stretches = 0
    while list((directory.parent / ".trash").iterdir()):
        emptying.empty(lab.pk, seconds=-1)
        stretches += 1
        assert stretches < 10
    assert stretches == 3  # two files, each the last of its stretch, then what held them
    assert sent == 2 * [(("datasets.tasks.empty_trash",), {"args": [lab.pk]})]


def test_of_a_dataset_that_is_a_link_only_the_link_goes(
    lab: Organization, admin: Actor, tmp_path: Path
) -> None:
    on_disk.write_dataset(lab, "brain").rename(tmp_path / "archive")
    link = on_disk.organization_directory(lab) / "brain"
    link.symlink_to(tmp_path / "archive")
    delete_dataset(actor=admin, dataset=scanned(lab, "brain"))
    emptying.empty(lab.pk)
    assert not os.path.lexists(link)
    assert (tmp_path / "archive" / "color" / "1" / ".zarray").is_file()


def test_links_inside_of_it_are_not_followed(
    lab: Organization, admin: Actor, tmp_path: Path
) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    (directory / "color").rename(tmp_path / "raw")
    (directory / "color").symlink_to(tmp_path / "raw")
    delete_dataset(actor=admin, dataset=scanned(lab, "brain"))
    emptying.empty(lab.pk)
    assert not directory.exists()
    assert (tmp_path / "raw" / "1" / ".zarray").is_file()


def test_two_links_to_one_place_do_not_hold_each_other(
    lab: Organization, admin: Actor, tmp_path: Path
) -> None:
    on_disk.write_dataset(lab, "brain").rename(tmp_path / "archive")
    for name in ("brain", "same"):
        (on_disk.organization_directory(lab) / name).symlink_to(tmp_path / "archive")
    dataset = scanned(lab, "brain")
    delete_dataset(actor=admin, dataset=dataset)
    assert not exists(dataset)


def test_a_link_through_which_another_dataset_reads_stays(
    lab: Organization, admin: Actor, tmp_path: Path
) -> None:
    on_disk.write_dataset(lab, "brain").rename(tmp_path / "archive")
    link = on_disk.organization_directory(lab) / "brain"
    link.symlink_to(tmp_path / "archive")
    user_of(lab, link, "user")
    with pytest.raises(Conflict, match="used by 'user'"):
        delete_dataset(actor=admin, dataset=scanned(lab, "brain"))
    assert link.is_symlink()


def test_data_that_others_use_is_not_deleted_and_the_refusal_names_them(
    lab: Organization, admin: Actor
) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    for name in ("user a", "user b"):
        user_of(lab, directory, name)
    stranger = make_organization()
    hidden = user_of(stranger, directory, "secret study")
    scan_organization(stranger)
    dataset = scanned(lab, "brain")
    with pytest.raises(Conflict) as refused:
        delete_dataset(actor=admin, dataset=dataset)
    told = str(refused.value)
    assert "used by 'user a', 'user b' and 1 dataset that you can't see" in told
    assert "secret" not in told
    assert exists(dataset)
    assert (directory / "color" / "1").is_dir()
    assert hidden.is_dir()
    assert {user.name for user in users_of_data(actor=admin, dataset=dataset).visible} == {
        "user a",
        "user b",
    }
    for name in ("user a", "user b"):
        delete_dataset(actor=admin, dataset=Dataset.objects.get(name=name))
    Dataset.objects.filter(name="secret study").delete()
    delete_dataset(actor=admin, dataset=dataset)
    assert not directory.exists()


def test_a_virtual_dataset_leaves_what_others_refer_to(lab: Organization, admin: Actor) -> None:
    directory = on_disk.write_dataset(lab, "virtual")
    on_disk.write_mag(directory / "other" / "1")
    user_of(lab, directory, "user")
    document = on_disk.document(on_disk.layer(), on_disk.layer("other"))
    dataset = make_dataset(lab, name="virtual", is_virtual=True)
    store(dataset, DataSource.model_validate(document))
    scan_organization(lab)
    delete_dataset(actor=admin, dataset=dataset)
    assert (directory / "color" / "1").is_dir()
    assert not (directory / "other" / "1").exists()
    scan_organization(lab)
    dataset.refresh_from_db()
    assert dataset.status == "Deleted by user."
    assert Dataset.objects.count() == 2
    delete_dataset(actor=admin, dataset=Dataset.objects.get(name="user"))
    delete_dataset(actor=admin, dataset=dataset)
    assert not exists(dataset)
    assert not directory.exists()


def test_a_composed_dataset_holds_its_sources_until_it_is_gone(
    lab: Organization, admin: Actor
) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    source = scanned(lab, "brain")
    composed = compose(
        actor=admin,
        organization_id=lab.pk,
        name="composed",
        layers=[ComposedLayer(source.pk, "color", "em")],
    )
    with pytest.raises(Conflict, match="used by 'composed'"):
        delete_dataset(actor=admin, dataset=source)
    delete_dataset(actor=admin, dataset=composed)
    assert (directory / "color" / "1" / ".zarray").is_file()
    delete_dataset(actor=admin, dataset=source)
    assert not directory.exists()


def test_another_organizations_reference_holds_no_source(lab: Organization, admin: Actor) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    source = scanned(lab, "brain")
    operator = actor_for(User.objects.create_superuser("root@example.org"))
    copy = compose(
        actor=operator,
        organization_id=make_organization().pk,
        name="copy",
        layers=[ComposedLayer(source.pk, "color", "em")],
    )
    delete_dataset(actor=admin, dataset=source)
    assert not directory.exists()
    assert exists(copy)


def test_remote_data_and_what_was_referred_to_stay(lab: Organization, admin: Actor) -> None:
    source = on_disk.write_dataset(lab, "brain")
    path = os.fspath(source / "color" / "1")
    layers = [
        on_disk.layer("near", mags=[{"mag": [1, 1, 1], "path": path}]),
        on_disk.layer("far", mags=[{"mag": [1, 1, 1], "path": "s3://bucket/1"}]),
    ]
    dataset = make_dataset(lab, is_virtual=True)
    store(dataset, DataSource.model_validate(on_disk.document(*layers)))
    delete_dataset(actor=admin, dataset=dataset)
    assert not exists(dataset)
    assert (source / "color" / "1" / ".zarray").is_file()


@pytest.mark.parametrize("status", ["No longer available on datastore.", "Not imported yet."])
def test_a_dataset_without_a_directory_is_only_a_row(
    status: str, lab: Organization, admin: Actor
) -> None:
    dataset = make_dataset(lab, status=status)
    delete_dataset(actor=admin, dataset=dataset)
    assert not exists(dataset)


def test_while_the_disk_is_away_nothing_is_deleted(lab: Organization, admin: Actor) -> None:
    on_disk.write_dataset(lab, "brain")
    dataset = scanned(lab, "brain")
    root = on_disk.organization_directory(lab)
    root.rename(root.with_name("unmounted"))
    with pytest.raises(Conflict, match="mounted"):
        delete_dataset(actor=admin, dataset=dataset)
    assert exists(dataset)


def test_what_the_site_may_only_read_is_refused_with_what_to_do(
    lab: Organization, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    dataset = scanned(lab, "brain")

    def refuse(*_: object, **__: object) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(trash.ReadOnly, match="Grant it the right"):
        delete_dataset(actor=admin, dataset=dataset)
    assert exists(dataset)
    assert (directory / "color" / "1").is_dir()


def test_if_the_tables_refuse_the_data_comes_back(
    lab: Organization, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    dataset = scanned(lab, "brain")

    def fail(*_: object, **__: object) -> Any:
        raise RuntimeError("the database is gone")

    monkeypatch.setattr(Dataset, "delete", fail)
    with pytest.raises(RuntimeError):
        delete_dataset(actor=admin, dataset=dataset)
    assert (directory / "color" / "1" / ".zarray").is_file()


def test_only_editors_delete(lab: Organization) -> None:
    dataset = make_dataset(lab)
    member, stranger = make_user(lab), make_user(make_organization(), is_admin=True)
    set_teams(dataset, READ_DATASET, [make_team(lab, members=(member,))])
    with pytest.raises(NotAllowed):
        delete_dataset(actor=actor_for(member), dataset=dataset)
    with pytest.raises(NotFound):
        delete_dataset(actor=actor_for(stranger), dataset=dataset)
    assert exists(dataset)


def test_the_health_names_what_cannot_be_read(lab: Organization, admin: Actor) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    dataset = scanned(lab, "brain")
    Dataset.objects.filter(pk=dataset.pk).update(is_public=True)
    path = f"/api/datasets/{dataset.pk}/health"
    assert Client().get(path).status_code == 200
    (directory / "color" / "1").rename(directory / "color" / "gone")
    answer = Client().get(path)
    assert answer.status_code == 409
    assert answer.json()["messages"] == [{"error": "Layer 'color', mag 1 can't be read."}]
    Dataset.objects.filter(pk=dataset.pk).update(status="Not imported yet.")
    assert "Not imported yet." in Client().get(path).json()["messages"][0]["error"]
