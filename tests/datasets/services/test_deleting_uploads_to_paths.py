"""Deleting what scripts put where the site had told them to, outside of its data directory."""

import os
from pathlib import Path
from typing import Any

import pytest

from datasets.models import Dataset
from datasets.properties import DataSource
from datasets.services import emptying, paths_parts
from datasets.services.composing import ComposedLayer, compose
from datasets.services.data_source import load, store
from datasets.services.deleting import delete_dataset
from datasets.services.editing import update_dataset
from datasets.storage import trash
from sharing.access import Actor, actor_for
from sharing.errors import Conflict
from sharing.models import Organization
from tests.datasets.disk import on_disk
from tests.datasets.services.reserving import data_source, finished, reserve
from tests.datasets.services.test_paths import TWO
from tests.factories import make_dataset, make_user


@pytest.fixture
def admin(lab: Organization) -> Actor:
    return actor_for(make_user(lab, is_admin=True))


@pytest.fixture(autouse=True)
def fast(tmp_path: Path, settings: Any, lab: Organization) -> Path:
    """The organization's directory on the disk that uploads to paths go to."""
    settings.UPLOAD_PATHS = [tmp_path / "fast"]
    return tmp_path / "fast" / lab.pk


def directory_of(dataset: Dataset) -> Path:
    mag = load(dataset).layers[0].mags[0]
    return Path(mag.path or "").parents[1]


def in_trash(directory: Path) -> list[str]:
    return [entry.origin for entry in trash.entries(directory)]


def exists(dataset: Dataset) -> bool:
    return Dataset.objects.filter(pk=dataset.pk).exists()


def with_second_mag(admin: Actor) -> tuple[Dataset, Path]:
    dataset = finished(admin)
    part: dict[str, Any] = {"actor": admin, "dataset": dataset, "layer_name": "color"}
    path = Path(paths_parts.reserve_mag(mag=TWO, **part))
    on_disk.write_mag(path)
    paths_parts.finish_mag(mag=TWO.mag, **part)
    return dataset, path


def test_it_goes_by_way_of_a_trash_on_its_own_disk(
    lab: Organization, admin: Actor, fast: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").touch()
    other, dataset = finished(admin), finished(admin)
    unfinished, (begun,) = reserve(admin)
    on_disk.write_mag(begun)
    directory = directory_of(dataset)
    (directory / "link").symlink_to(tmp_path / "mine")
    for deleted in (dataset, unfinished):
        delete_dataset(actor=admin, dataset=deleted)
    assert not directory.exists()
    assert not begun.exists()
    assert sorted(in_trash(fast)) == sorted([dataset.directory_name, unfinished.directory_name])
    emptying.empty_all()
    assert list((fast / ".trash").iterdir()) == []
    assert (directory_of(other) / "color" / "1" / ".zarray").is_file()
    assert (tmp_path / "mine" / "precious").exists()


def test_what_others_use_of_it_stays_until_they_are_gone(admin: Actor, lab: Organization) -> None:
    layers = [on_disk.layer("color"), on_disk.layer("raw")]
    dataset, reserved = reserve(admin, data_source=data_source(*layers))
    for path in reserved:
        on_disk.write_mag(path)
    Dataset.objects.filter(pk=dataset.pk).update(status="")
    dataset.refresh_from_db()
    layer = ComposedLayer(dataset.pk, "color", "em")
    user = compose(actor=admin, organization_id=lab.pk, name="user", layers=[layer])
    delete_dataset(actor=admin, dataset=dataset)
    emptying.empty(lab.pk)
    assert [path.exists() for path in reserved] == [True, False]
    delete_dataset(actor=admin, dataset=user)
    assert reserved[0].exists()
    delete_dataset(actor=admin, dataset=dataset)
    assert not exists(dataset)
    assert not reserved[0].parents[1].exists()


def test_a_mag_that_an_edit_removes_goes_too(admin: Actor, lab: Organization) -> None:
    dataset, path = with_second_mag(admin)
    stored = load(dataset)
    (layer,) = stored.layers
    edit = stored.model_copy(
        update={"layers": (layer.model_copy(update={"mags": layer.mags[:1]}),)}
    )
    update_dataset(actor=admin, dataset=dataset, changes={"data_source": edit})
    assert not path.exists()
    assert (path.parent / "1" / ".zarray").is_file()
    emptying.empty(lab.pk)
    assert in_trash(path.parents[2]) == []


@pytest.mark.parametrize("is_elsewhere", [True, False])
def test_what_a_killed_process_had_moved_comes_back(
    admin: Actor, lab: Organization, settings: Any, binary_data: Path, is_elsewhere: bool
) -> None:
    if not is_elsewhere:
        settings.UPLOAD_PATHS = []
        volume = binary_data.with_name("volume")
        volume.mkdir()
        (binary_data / lab.pk).symlink_to(volume)
    path = with_second_mag(admin)[1]
    removal = trash.Removal([path.parents[2]])
    removal.take(path)
    emptying.empty(lab.pk)
    assert not path.exists()
    for entry in removal.entries:
        on_disk.age(entry.directory)
    emptying.empty(lab.pk)
    assert (path / ".zarray").is_file()


def test_while_its_disk_is_away_it_is_not_deleted(admin: Actor, fast: Path) -> None:
    dataset = finished(admin)
    fast.rename(fast.with_name("unmounted"))
    with pytest.raises(Conflict, match="mounted"):
        delete_dataset(actor=admin, dataset=dataset)
    assert exists(dataset)


def test_where_it_cannot_be_moved_nothing_is_lost_and_the_person_is_told(
    admin: Actor, binary_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = finished(admin)
    home = binary_data / dataset.organization_id / dataset.directory_name
    (home / "thumbnails").mkdir(parents=True)
    directory, rename = directory_of(dataset), Path.rename

    def full(place: Path, target: Path) -> Path:
        if place == directory:
            raise OSError(28, "No space left on device")
        return rename(place, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(Conflict, match="can't be removed \\(No space left on device\\)"):
        delete_dataset(actor=admin, dataset=dataset)
    assert exists(dataset)
    assert (directory / "color" / "1" / ".zarray").is_file()
    assert (home / "thumbnails").is_dir()


def test_a_trash_that_is_a_link_takes_and_loses_nothing(
    admin: Actor, lab: Organization, fast: Path, tmp_path: Path
) -> None:
    dataset = finished(admin)
    (tmp_path / "victim" / "folder" / "data").mkdir(parents=True)
    (tmp_path / "victim" / "folder" / "origin").write_text("anything")
    (fast / ".trash").symlink_to(tmp_path / "victim")
    with pytest.raises(Conflict, match="can't be removed"):
        delete_dataset(actor=admin, dataset=dataset)
    emptying.empty(lab.pk)
    (fast / ".trash").unlink()
    (fast / ".trash").mkdir()
    (fast / ".trash" / "entry").symlink_to(tmp_path / "victim" / "folder")
    emptying.empty(lab.pk)
    assert (tmp_path / "victim" / "folder" / "data").is_dir()


def test_paths_that_the_site_did_not_give_stay(admin: Actor, lab: Organization, fast: Path) -> None:
    """A file on disk may name a path there; that makes it no place of the site's."""
    dataset = make_dataset(lab, name="brain", directory_name="brain")
    on_disk.organization_directory(lab)
    on_disk.write_mag(fast / "brain" / "color" / "1")
    mags = [{"mag": [1, 1, 1], "path": os.fspath(fast / "brain" / "color" / "1")}]
    document = on_disk.document(on_disk.layer(mags=mags))
    store(dataset, DataSource.model_validate(document))
    delete_dataset(actor=admin, dataset=dataset)
    emptying.empty(lab.pk)
    assert (fast / "brain" / "color" / "1").is_dir()
