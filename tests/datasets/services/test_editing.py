"""Edits of a data source on disk: the file follows, data that nobody needs goes, and no other."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from datasets import properties
from datasets.disk.scan import scan_organization
from datasets.models import Dataset, Mag
from datasets.properties import DataSource
from datasets.services import emptying
from datasets.services.data_source import load
from datasets.services.editing import update_dataset
from datasets.services.settings_file import NotWritten
from datasets.storage import local
from datasets.storage.trash import Removal
from sharing.access import Actor, actor_for
from sharing.errors import Conflict, Invalid
from sharing.models import Organization
from tests.datasets.disk import on_disk
from tests.factories import make_user

MAGS = [{"mag": [1, 1, 1]}, {"mag": [2, 2, 2]}]


@pytest.fixture
def admin(lab: Organization) -> Actor:
    return actor_for(make_user(lab, is_admin=True))


def write(lab: Organization, name: str, *layers: str, **changes: Any) -> Path:
    """A dataset on disk with these layers of two mags each."""
    directory = on_disk.organization_directory(lab) / name
    for layer in layers:
        on_disk.write_mag(directory / layer / "1")
        on_disk.write_mag(directory / layer / "2", 16)
    documents = [on_disk.layer(layer, mags=MAGS, **changes) for layer in layers]
    on_disk.write_properties(directory, *documents)
    return directory


@pytest.fixture
def directory(lab: Organization) -> Path:
    return write(lab, "brain", "color", "other")


@pytest.fixture
def dataset(lab: Organization, directory: Path) -> Dataset:
    scan_organization(lab)
    return Dataset.objects.get(directory_name="brain")


def without(data_source: DataSource, layer_name: str, *mags: int) -> DataSource:
    """Without these mags of the layer; without mags named, without the layer."""
    layers = []
    for layer in data_source.layers:
        if layer.name == layer_name and mags:
            kept = tuple(mag for mag in layer.mags if mag.mag.x not in mags)
            layer = layer.model_copy(update={"mags": kept})
        if layer.name != layer_name or mags:
            layers.append(layer)
    return data_source.model_copy(update={"layers": tuple(layers)})


def edit(
    actor: Actor,
    dataset: Dataset,
    data_source: DataSource | None = None,
    renamings: Mapping[str, str] | None = None,
) -> None:
    changes: Any = {"layer_renamings": renamings or {}}
    if data_source is not None:
        changes["data_source"] = data_source
    update_dataset(actor=actor, dataset=dataset, changes=changes)


def written(directory: Path) -> DataSource:
    return properties.read(directory / properties.FILE_NAME)


def trash(lab: Organization) -> list[str]:
    """The origins of what lies in the trash."""
    root = on_disk.organization_directory(lab) / ".trash"
    return sorted(path.read_text() for path in root.glob("*/origin"))


class TestFile:
    def test_the_file_says_what_was_saved_and_the_scan_finds_nothing_new(
        self, lab: Organization, dataset: Dataset, directory: Path, admin: Actor
    ) -> None:
        edit(admin, dataset, without(load(dataset), "other"))
        assert [layer.name for layer in written(directory).layers] == ["color"]
        outcome = scan_organization(lab)
        assert not outcome.pending
        assert not outcome.changed
        dataset.refresh_from_db()
        assert dataset.version == 2
        log = (directory / properties.BACKUPS_NAME).read_text()
        assert '"other"' in log

    def test_a_layer_is_announced_on_disk_too(
        self, lab: Organization, dataset: Dataset, directory: Path, admin: Actor
    ) -> None:
        box = {"topLeft": [0, 0, 0], "width": 0, "height": 0, "depth": 0}
        document = load(dataset).to_json()
        document["dataLayers"].append(on_disk.layer("new", mags=[], boundingBox=box))
        edit(admin, dataset, properties.parse(document))
        assert written(directory).layers[-1].name == "new"
        on_disk.age(directory)
        (directory / properties.FILE_NAME).touch()
        scan_organization(lab)
        dataset.refresh_from_db()
        assert dataset.is_active
        assert not dataset.pending_hash

    def test_what_somebody_else_wrote_is_not_lost(
        self, dataset: Dataset, directory: Path, admin: Actor
    ) -> None:
        mine = without(load(dataset), "other")
        on_disk.write_properties(directory, on_disk.layer(mags=MAGS), scale=[5, 5, 5])
        with pytest.raises(Conflict, match="changed on disk"):
            update_dataset(actor=admin, dataset=dataset, changes={"data_source": mine, "name": "x"})
        dataset.refresh_from_db()
        assert dataset.pending_hash
        assert dataset.name == "brain"
        assert (directory / "other" / "1").is_dir()

    def test_a_full_disk_changes_nothing(
        self,
        lab: Organization,
        dataset: Dataset,
        directory: Path,
        admin: Actor,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        before = load(dataset)

        def refuse(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(properties, "write", refuse)
        with pytest.raises(NotWritten, match="No space"):
            edit(admin, dataset, without(before, "other"))
        assert load(Dataset.objects.get(pk=dataset.pk)) == before
        assert (directory / "other" / "1" / ".zarray").is_file()
        assert (directory / "other" / "2" / ".zarray").is_file()
        assert trash(lab) == []


class TestRenaming:
    def test_the_data_stays_where_it_lies(
        self, lab: Organization, dataset: Dataset, directory: Path, admin: Actor
    ) -> None:
        real = dict(Mag.objects.filter(layer__name="color").values_list("x", "real_path"))
        edit(admin, dataset, renamings={"color": "em"})
        assert (directory / "color" / "1").is_dir()
        (layer, _) = written(directory).layers
        assert layer.name == "em"
        assert [mag.path for mag in layer.mags] == ["color/1", "color/2"]
        mags = Mag.objects.filter(layer__name="em")
        assert dict(mags.values_list("x", "real_path")) == real
        assert all(local.mag_directory(mag).is_dir() for mag in mags)

    def test_mags_under_their_long_name_are_found_too(
        self, dataset: Dataset, directory: Path, admin: Actor
    ) -> None:
        (directory / "color" / "2").rename(directory / "color" / "2-2-2")
        edit(admin, dataset, renamings={"color": "em"})
        (layer, _) = written(directory).layers
        assert [mag.path for mag in layer.mags] == ["color/1", "color/2-2-2"]

    def test_two_layers_of_one_name_are_refused(
        self, dataset: Dataset, directory: Path, admin: Actor
    ) -> None:
        before = written(directory)
        with pytest.raises(Invalid, match="one name"):
            edit(admin, dataset, renamings={"color": "other"})
        assert written(directory) == before


class TestRemoval:
    def test_data_that_nobody_needs_goes(
        self, lab: Organization, dataset: Dataset, directory: Path, admin: Actor
    ) -> None:
        edit(admin, dataset, without(without(load(dataset), "color", 2), "other"))
        assert not (directory / "color" / "2").exists()
        assert not (directory / "other").exists()
        assert (directory / "color" / "1").is_dir()
        assert trash(lab) == ["brain/color/2", "brain/other/1", "brain/other/2"]
        emptying.empty(lab.pk)
        assert not list((directory.parent / ".trash").iterdir())

    def test_a_renamed_layer_loses_the_mag_that_was_meant(
        self, dataset: Dataset, directory: Path, admin: Actor
    ) -> None:
        renamed = load(dataset).layers[0].renamed("em")
        source = load(dataset).model_copy(update={"layers": (renamed, load(dataset).layers[1])})
        edit(admin, dataset, without(source, "em", 2), renamings={"color": "em"})
        assert not (directory / "color" / "2").exists()
        assert (directory / "color" / "1").is_dir()
        assert (directory / "other" / "2").is_dir()

    def test_a_link_is_removed_and_what_it_leads_to_stays(
        self, lab: Organization, directory: Path, admin: Actor, tmp_path: Path
    ) -> None:
        archive = tmp_path / "archive"
        archive.mkdir()
        (directory / "color" / "2").rename(archive / "2")
        (directory / "color" / "2").symlink_to(archive / "2")
        (directory / "other").rename(archive / "other")
        (directory / "other").symlink_to(archive / "other")
        scan_organization(lab)
        dataset = Dataset.objects.get(directory_name="brain")
        edit(admin, dataset, without(without(load(dataset), "color", 2), "other"))
        emptying.empty(lab.pk)
        assert not (directory / "color" / "2").is_symlink()
        for place in (archive / "2", archive / "other" / "1", archive / "other" / "2"):
            assert (place / ".zarray").is_file(), place

    def test_a_dataset_that_is_a_link_loses_no_data(
        self, lab: Organization, directory: Path, admin: Actor, tmp_path: Path
    ) -> None:
        directory.rename(tmp_path / "elsewhere")
        directory.symlink_to(tmp_path / "elsewhere")
        scan_organization(lab)
        dataset = Dataset.objects.get(directory_name="brain")
        edit(admin, dataset, without(load(dataset), "other"))
        assert (tmp_path / "elsewhere" / "other" / "1" / ".zarray").is_file()

    @pytest.mark.parametrize("how", ["link", "link to its layer", "path", "path above"])
    def test_what_another_dataset_uses_stays(
        self, how: str, lab: Organization, directory: Path, admin: Actor, settings: Any
    ) -> None:
        settings.ALLOWED_DATA_PATHS = [settings.BINARY_DATA_DIR]
        user = on_disk.organization_directory(lab) / "user"
        mag: dict[str, Any] = {"mag": [2, 2, 2]}
        user.mkdir()
        if how == "link":
            (user / "color").mkdir()
            (user / "color" / "2").symlink_to("../../brain/other/2")
        elif how == "link to its layer":
            (user / "color").symlink_to(directory / "other")
        elif how == "path":
            mag["path"] = "../brain/other/2"
        else:
            mag["path"] = os.fspath(directory / "other")
        on_disk.write_properties(user, on_disk.layer(mags=[mag]))
        scan_organization(lab)
        dataset = Dataset.objects.get(directory_name="brain")
        edit(admin, dataset, without(load(dataset), "other"))
        assert (directory / "other" / "2" / ".zarray").is_file()
        assert (directory / "other" / "1").exists() is (how == "path above")

    def test_what_another_dataset_has_as_an_attachment_stays(
        self, lab: Organization, directory: Path, admin: Actor
    ) -> None:
        user = write(lab, "user", "color")
        (user / "color" / "meshes").mkdir()
        (user / "color" / "meshes" / "m.hdf5").symlink_to(directory / "other" / "2" / ".zarray")
        scan_organization(lab)
        dataset = Dataset.objects.get(directory_name="brain")
        edit(admin, dataset, without(load(dataset), "other"))
        assert (directory / "other" / "2").is_dir()
        assert not (directory / "other" / "1").exists()

    def test_what_another_layer_of_the_dataset_uses_stays(
        self, lab: Organization, directory: Path, admin: Actor
    ) -> None:
        on_disk.write_properties(
            directory,
            on_disk.layer(mags=[{"mag": [1, 1, 1], "path": "other/1"}]),
            on_disk.layer("other", mags=MAGS),
        )
        scan_organization(lab)
        dataset = Dataset.objects.get(directory_name="brain")
        edit(admin, dataset, without(load(dataset), "other"))
        assert (directory / "other" / "1").is_dir()
        assert not (directory / "other" / "2").exists()

    @pytest.mark.parametrize("path", [".", "..", "../brain", "/", "color/../other/2"])
    def test_a_path_that_is_no_place_of_its_own_removes_nothing(
        self, path: str, lab: Organization, directory: Path, admin: Actor, dataset: Dataset
    ) -> None:
        Mag.objects.filter(layer__name="other", x=2).update(path=path)
        edit(admin, dataset, without(load(dataset), "other", 2))
        assert trash(lab) == []
        assert (directory / "other" / "2").is_dir()

    def test_an_attachment_goes_with_its_file(
        self, lab: Organization, directory: Path, admin: Actor
    ) -> None:
        (directory / "color" / "meshes").mkdir()
        (directory / "color" / "meshes" / "m.hdf5").write_bytes(b"mesh")
        on_disk.write_properties(directory, on_disk.layer(mags=MAGS, category="segmentation"))
        scan_organization(lab)
        dataset = Dataset.objects.get(directory_name="brain")
        document = load(dataset).to_json()
        assert document["dataLayers"][0].pop("attachments")["meshes"]
        edit(admin, dataset, properties.parse(document))
        assert not (directory / "color" / "meshes").exists()
        scan_organization(lab)
        assert not load(Dataset.objects.get(pk=dataset.pk)).layers[0].attachments.by_kind()


class TestTrash:
    def test_what_the_tables_still_know_waits_and_is_put_back(
        self, lab: Organization, dataset: Dataset, directory: Path, monkeypatch: Any
    ) -> None:
        """A process was killed between moving data aside and its commit."""
        Removal([directory.parent]).take(directory / "color" / "2")
        emptying.empty(lab.pk)
        assert trash(lab) == ["brain/color/2"]
        monkeypatch.setattr(emptying, "GRACE_SECONDS", -1)
        emptying.empty(lab.pk)
        assert trash(lab) == []
        assert (directory / "color" / "2" / ".zarray").is_file()

    def test_scans_pass_over_it(self, lab: Organization, dataset: Dataset, admin: Actor) -> None:
        edit(admin, dataset, without(load(dataset), "other"))
        assert not scan_organization(lab).added
        assert trash(lab)
