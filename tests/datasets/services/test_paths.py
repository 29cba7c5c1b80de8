"""Uploads to paths: what is reserved, what finishing takes in, and what it refuses."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasets.disk.scan import scan_organization
from datasets.models import Dataset, DataStore, PathReservation
from datasets.properties import Mag, MagProperties
from datasets.services import paths, paths_parts
from datasets.services.data_source import load
from datasets.services.folders import root_of
from datasets.storage.local import NoSuchData, mag_directory
from sharing.access import Actor, actor_for
from sharing.errors import Conflict, Invalid, NotAllowed, NotFound
from sharing.models import Organization
from tests.datasets.disk import on_disk
from tests.datasets.services.reserving import data_source, finished, reserve, segmentation
from tests.factories import make_dataset, make_folder, make_organization, make_team, make_user

WAITING = "Not yet marked as fully uploaded to paths."
TWO = MagProperties(mag=Mag(2, 2, 2))


@pytest.fixture
def admin(lab: Organization) -> Actor:
    return actor_for(make_user(lab, is_admin=True))


@pytest.fixture
def allowed(tmp_path: Path, settings: Any) -> Path:
    """A place of the script's own that the operator allows."""
    settings.ALLOWED_DATA_PATHS = [tmp_path / "allowed"]
    (tmp_path / "allowed").mkdir()
    return tmp_path / "allowed"


def state(dataset: Dataset) -> tuple[str, int]:
    return Dataset.objects.values_list("status", "version").get(pk=dataset.pk)


def test_a_reserved_dataset_waits_for_its_data(admin: Actor, binary_data: Path) -> None:
    dataset, (path,) = reserve(admin)
    assert (dataset.status, dataset.is_virtual) == (WAITING, True)
    assert dataset.creation_type == "UploadToPaths"
    directory = binary_data / dataset.organization_id / f"fresh-{dataset.pk}"
    assert path == directory / "color" / "1"
    assert not directory.exists()
    on_disk.write_mag(path)
    assert scan_organization(dataset.organization).added == []
    assert state(dataset)[0] == WAITING
    paths.finish_dataset(actor=admin, dataset=dataset)
    assert state(dataset) == ("", 2)
    assert mag_directory(dataset.layers.get().mags.get()) == path


def test_finishing_once_more_changes_nothing(admin: Actor) -> None:
    dataset = finished(admin)
    before = Dataset.objects.filter(pk=dataset.pk).values().get()
    paths.finish_dataset(actor=admin, dataset=dataset)
    assert Dataset.objects.filter(pk=dataset.pk).values().get() == before


def test_a_scan_leaves_it_alone_afterwards(admin: Actor) -> None:
    dataset = finished(admin)
    before = Dataset.objects.filter(pk=dataset.pk).values().get()
    scan_organization(dataset.organization)
    shutil.rmtree(mag_directory(dataset.layers.get().mags.get()).parents[1])
    outcome = scan_organization(dataset.organization)
    assert Dataset.objects.filter(pk=dataset.pk).values().get() == before
    assert not (outcome.missing or outcome.pending or outcome.broken)


@pytest.mark.parametrize(
    "path",
    [
        *("/etc", "../../../other/color/1", "file:///etc", "http://localhost/secret"),
        *("s3://bucket/key", "color/../../../other"),
    ],
)
def test_paths_that_a_script_sends_mean_nothing(admin: Actor, path: str) -> None:
    meshes = [{"name": "small", "path": path, "dataFormat": "hdf5"}]
    layer = segmentation(mags=[{"mag": [1, 1, 1], "path": path, "credentialId": "1" * 24}])
    layer["attachments"] = {"meshes": meshes}
    dataset, reserved = paths.reserve_dataset(
        actor=admin, name="fresh", data_source=data_source(layer)
    )
    for document in (reserved, load(dataset)):
        assert "credentialId" not in str(document.to_json())
        assert path not in str(document.to_json())
        (cells,) = document.layers
        assert str(cells.mags[0].path).endswith(f"fresh-{dataset.pk}/cells/1")
        assert cells.attachments.meshes[0].path.endswith("cells/meshes/small.hdf5")


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc", "../up", ".hidden", "x" * 201])
def test_names_that_lead_elsewhere_are_refused(admin: Actor, name: str) -> None:
    attached = segmentation()
    attached["attachments"]["meshes"][0]["name"] = name
    for layer in (on_disk.layer(name), attached):
        with pytest.raises(Invalid):
            paths.reserve_dataset(actor=admin, name="fresh", data_source=data_source(layer))
    assert not Dataset.objects.exists()


def test_two_attachments_never_share_a_file(admin: Actor) -> None:
    layer = segmentation()
    layer["attachments"]["meshes"].append(
        {"name": "small.hdf5", "path": "anywhere", "dataFormat": "zarr3"}
    )
    with pytest.raises(Invalid, match="written to the same file"):
        paths.reserve_dataset(actor=admin, name="fresh", data_source=data_source(layer))


def test_a_prefix_chooses_among_the_allowed_places(
    admin: Actor, tmp_path: Path, settings: Any, binary_data: Path
) -> None:
    settings.UPLOAD_PATHS = [tmp_path / "fast", tmp_path / "large"]
    ends = {}
    for prefix in (None, tmp_path / "large", binary_data):
        dataset, (path,) = reserve(admin, prefix=prefix and str(prefix))
        ends[prefix] = path
        assert path.parts[-4:] == (dataset.organization_id, dataset.directory_name, "color", "1")
    assert ends[None].is_relative_to(tmp_path / "fast")
    assert ends[tmp_path / "large"].is_relative_to(tmp_path / "large")
    assert ends[binary_data].is_relative_to(binary_data)
    before = Dataset.objects.count()
    for prefix in (
        "/etc",
        str(tmp_path / "fast" / "below"),
        f"{tmp_path}/fast/../../etc",
        "s3://x",
    ):
        with pytest.raises(Invalid, match="No data may be written below"):
            reserve(admin, prefix=prefix)
    assert Dataset.objects.count() == before


def test_data_in_another_place_is_read_there(admin: Actor, tmp_path: Path, settings: Any) -> None:
    settings.UPLOAD_PATHS = [tmp_path / "fast"]
    dataset = finished(admin)
    mag = dataset.layers.get().mags.get()
    assert mag_directory(mag).is_relative_to(tmp_path / "fast")
    settings.UPLOAD_PATHS = []
    with pytest.raises(NoSuchData):
        mag_directory(mag)


Fill = Callable[[Path, Path], None]


def link_to(name: str) -> Fill:
    def fill(path: Path, home: Path) -> None:
        path.parent.mkdir(parents=True)
        path.symlink_to(home / name)

    return fill


def link_inside(path: Path, home: Path) -> None:
    on_disk.write_mag(path)
    (path / "0.0.0.0").symlink_to(home / "secret.txt")


def link_above(path: Path, home: Path) -> None:
    path.parents[2].mkdir(parents=True)
    path.parents[1].symlink_to(home / "whole")


def nothing(path: Path, home: Path) -> None:
    path.parent.mkdir(parents=True)


def garbage(path: Path, home: Path) -> None:
    path.mkdir(parents=True)
    (path / ".zarray").write_text("no JSON")


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (nothing, "There is nothing at"),
        (link_to("missing"), "is a link that leads nowhere"),
        (link_to("mag"), "only below ALLOWED_DATA_PATHS"),
        (link_above, "only below ALLOWED_DATA_PATHS"),
        (link_inside, "secret.txt"),
        (garbage, "Layer 'color', mag 1"),
    ],
)
def test_what_is_not_there_or_lies_elsewhere_is_not_taken_in(
    admin: Actor, tmp_path: Path, fill: Fill, words: str
) -> None:
    home = tmp_path / "home"
    on_disk.write_mag(home / "mag")
    on_disk.write_mag(home / "whole" / "color" / "1")
    (home / "secret.txt").write_text("secret")
    dataset, (path,) = reserve(admin)
    before = state(dataset)
    fill(path, home)
    with pytest.raises(Invalid, match=words):
        paths.finish_dataset(actor=admin, dataset=dataset)
    assert state(dataset) == before
    # Mended, it can be finished.
    if path.parents[1].is_symlink():
        path.parents[1].unlink()
    elif path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
    on_disk.write_mag(path)
    paths.finish_dataset(actor=admin, dataset=dataset)
    assert state(dataset)[0] == ""


def test_links_may_lead_to_places_that_the_operator_allows(admin: Actor, allowed: Path) -> None:
    on_disk.write_mag(allowed / "mag")
    dataset, (path,) = reserve(admin)
    link_to("mag")(path, allowed)
    paths.finish_dataset(actor=admin, dataset=dataset)
    assert mag_directory(dataset.layers.get().mags.get()) == allowed / "mag"


def test_a_link_that_is_changed_afterwards_opens_nothing(
    admin: Actor, allowed: Path, tmp_path: Path
) -> None:
    on_disk.write_mag(allowed / "mag")
    on_disk.write_mag(tmp_path / "secret")
    dataset, (path,) = reserve(admin)
    link_to("mag")(path, allowed)
    paths.finish_dataset(actor=admin, dataset=dataset)
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(NoSuchData, match="leads out of"):
        mag_directory(dataset.layers.get().mags.get())


def test_only_those_who_may_add_datasets_reserve(lab: Organization) -> None:
    member = make_user(lab)
    with pytest.raises(NotAllowed):
        reserve(actor_for(member))
    with pytest.raises(NotFound):
        reserve(Actor())
    team = make_team(lab, managers=(member,))
    dataset, _ = reserve(actor_for(member), team_ids=[team.pk])
    assert [pair.team for pair in dataset.audience.all()] == [team]
    others = make_team(lab)
    with pytest.raises(NotAllowed):
        reserve(actor_for(member), team_ids=[others.pk])
    foreign = make_team(make_organization())
    with pytest.raises(Invalid):
        reserve(actor_for(member), team_ids=[foreign.pk])
    folder = make_folder(root_of(lab))
    with pytest.raises(NotFound):
        reserve(actor_for(member), folder_id=folder.pk)
    assert Dataset.objects.count() == 1


def test_strangers_finish_nothing(admin: Actor) -> None:
    dataset, (path,) = reserve(admin)
    on_disk.write_mag(path)
    stranger = actor_for(make_user(make_organization(), is_admin=True))
    with pytest.raises(NotFound):
        paths.finish_dataset(actor=stranger, dataset=dataset)
    assert state(dataset)[0] == WAITING


def test_a_name_can_be_asked_to_be_unique(admin: Actor) -> None:
    reserve(admin)
    reserve(admin)
    with pytest.raises(Conflict, match="already a dataset named 'fresh'"):
        reserve(admin, require_unique_name=True)


def test_a_data_store_can_refuse(admin: Actor) -> None:
    DataStore.objects.update_or_create(
        name=DataStore.LOCAL, defaults={"allows_upload_to_paths": False}
    )
    with pytest.raises(NotAllowed, match="takes no uploads to paths"):
        reserve(admin)
    assert not Dataset.objects.exists()


def test_nothing_is_reserved_beyond_the_quota(admin: Actor, lab: Organization) -> None:
    dataset = finished(admin)
    Organization.objects.filter(pk=lab.pk).update(included_storage_bytes=100)
    with pytest.raises(NotAllowed, match="uses all storage that it may use"):
        reserve(admin)
    dataset.refresh_from_db()
    with pytest.raises(NotAllowed, match="uses all storage that it may use"):
        paths_parts.reserve_mag(actor=admin, dataset=dataset, layer_name="color", mag=TWO)
    assert Dataset.objects.count() == 1
    assert not PathReservation.objects.exists()


def test_linked_layers_need_no_filling(admin: Actor, lab: Organization) -> None:
    on_disk.write_dataset(lab, "brain")
    scan_organization(lab)
    brain = Dataset.objects.get(directory_name="brain")
    dataset, reserved = paths.reserve_dataset(
        actor=admin,
        name="fresh",
        data_source=data_source(on_disk.layer("own")),
        links=[(brain.pk, "color", "linked")],
    )
    assert [layer.name for layer in reserved.layers] == ["own"]
    on_disk.write_mag(Path(reserved.layers[0].mags[0].path or ""))
    paths.finish_dataset(actor=admin, dataset=dataset)
    linked = dataset.layers.get(name="linked").mags.get()
    assert mag_directory(linked) == on_disk.organization_directory(lab) / "brain" / "color" / "1"


def test_a_preliminary_dataset_gets_its_paths_later(admin: Actor, lab: Organization) -> None:
    dataset = make_dataset(lab, status="Not yet fully uploaded.")
    reserved = paths.reserve_preliminary(actor=admin, dataset=dataset, data_source=data_source())
    assert state(dataset)[0] == WAITING
    dataset.refresh_from_db()
    on_disk.write_mag(Path(reserved.layers[0].mags[0].path or ""))
    paths.finish_dataset(actor=admin, dataset=dataset)
    assert (state(dataset)[0], dataset.is_virtual) == ("", True)
    with pytest.raises(Conflict, match="does not wait for its data"):
        paths.reserve_preliminary(actor=admin, dataset=dataset, data_source=data_source())
