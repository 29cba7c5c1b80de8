"""What a scan takes from the disk, and what that costs."""

import json
import os
import shutil
import threading
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from datasets.disk import listing, reconcile
from datasets.disk.outcome import Outcome
from datasets.disk.scan import scan_organization, unknown_organizations
from datasets.models import Dataset, DatasetTeam, Layer, Mag
from datasets.services.data_source import load
from datasets.services.data_stores import local_data_store
from datasets.services.folders import root_of
from sharing.grants import set_teams
from sharing.models import Organization
from tests.datasets.disk import on_disk
from tests.datasets.disk.scanning import get, names, scan
from tests.factories import make_organization, make_team


def test_a_directory_with_valid_properties_becomes_a_dataset_at_once(lab: Organization) -> None:
    on_disk.write_dataset(lab, "brain")
    outcome = scan(lab)
    dataset = get()
    assert names(outcome.added) == ["brain"]
    assert dataset.status == ""
    assert dataset.name == "brain"
    assert dataset.folder == root_of(lab)
    assert not dataset.is_public
    assert dataset.uploader is None
    assert not DatasetTeam.objects.exists()
    assert dataset.voxel_size == (11, 11, 24)
    assert load(dataset).layers[0].name == "color"


def test_a_new_dataset_is_seen_by_the_teams_of_the_root_folder(lab: Organization) -> None:
    team = make_team(lab)
    set_teams(root_of(lab), "read_folder", [team])
    on_disk.write_dataset(lab, "brain")
    scan(lab)
    assert DatasetTeam.objects.filter(dataset=get(), team=team).exists()


def test_the_samples_are_found_and_usable(lab: Organization, samples: Path) -> None:
    directory = on_disk.organization_directory(lab)
    expected = []
    for path in sorted(samples.iterdir()):
        if (path / "datasource-properties.json").exists():
            shutil.copytree(path, directory / path.name)
            expected.append(path.name)
    outcome = scan(lab)
    assert expected
    assert names(outcome.added) == expected
    assert not outcome.broken


def test_hidden_entries_and_plain_files_are_no_datasets(lab: Organization) -> None:
    for name in (".trash", ".uploading", ".forConversion"):
        on_disk.write_dataset(lab, name)
    (on_disk.organization_directory(lab) / "README.txt").write_text("hello")
    outcome = scan(lab)
    assert outcome.seen == 0
    assert not Dataset.objects.exists()


def test_a_directory_without_an_organization_is_reported_and_left_alone(
    lab: Organization, binary_data: Path
) -> None:
    on_disk.write_dataset(lab, "brain")
    (binary_data / "strangers" / "brain").mkdir(parents=True)
    assert unknown_organizations() == ["strangers"]
    scan(lab)
    assert Dataset.objects.count() == 1


def test_linked_datasets_layers_and_mags_are_followed(lab: Organization, tmp_path: Path) -> None:
    elsewhere = tmp_path / "cluster"
    on_disk.write_mag(elsewhere / "whole" / "color" / "1")
    on_disk.write_properties(elsewhere / "whole")
    on_disk.write_mag(elsewhere / "layer" / "1")
    on_disk.write_mag(elsewhere / "mag")
    directory = on_disk.organization_directory(lab)
    (directory / "linked").symlink_to(elsewhere / "whole")
    on_disk.write_properties(directory / "parts", on_disk.layer("a"), on_disk.layer("b"))
    (directory / "parts" / "a").symlink_to(elsewhere / "layer")
    (directory / "parts" / "b").mkdir()
    (directory / "parts" / "b" / "1").symlink_to(elsewhere / "mag")
    outcome = scan(lab)
    assert names(outcome.added) == ["linked", "parts"]
    assert not outcome.notes
    places = {
        (mag.layer.dataset.directory_name, mag.layer.name): (mag.real_path, mag.has_local_data)
        for row in Layer.objects.all()
        for mag in row.mags.all()
    }
    assert places == {
        ("linked", "color"): (str(elsewhere / "whole" / "color" / "1"), True),
        ("parts", "a"): (str(elsewhere / "layer" / "1"), False),
        ("parts", "b"): (str(elsewhere / "mag"), False),
    }


def test_thousands_of_unchanged_datasets_cost_a_few_queries_and_one_written_row(
    lab: Organization,
) -> None:
    first = on_disk.write_dataset(lab, "dataset_0")
    for number in range(1, 2000):
        directory = first.with_name(f"dataset_{number}")
        directory.mkdir()
        # One file under many names, hence with one signature.
        os.link(first / "datasource-properties.json", directory / "datasource-properties.json")
    Dataset.objects.bulk_create(
        Dataset(
            organization=lab,
            directory_name=f"dataset_{number}",
            folder=root_of(lab),
            data_store=local_data_store(),
            disk_signature=listing.signature_of(first),
        )
        for number in range(2000)
    )
    scan(lab)
    with CaptureQueriesContext(connection) as queries:
        outcome = scan(lab)
    statements = [query["sql"] for query in queries]
    written = [s for s in statements if s.startswith(("UPDATE", "INSERT", "DELETE"))]
    assert outcome.seen == 2000
    assert not outcome.is_eventful
    assert len(statements) <= 10
    assert len(written) == 1
    assert "datasets_diskscan" in written[0]


def test_a_mag_that_goes_and_comes_back_is_noticed_beside_an_unchanged_file(
    lab: Organization,
) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    scan(lab)
    (directory / "color" / "1").rename(directory.parent / ".aside")
    (note,) = scan(lab).notes
    assert "Layer 'color', mag 1: " in note.text
    assert Mag.objects.get().problem == note.text
    assert not scan(lab).notes
    (directory.parent / ".aside").rename(directory / "color" / "1")
    scan(lab)
    assert Mag.objects.get().problem == ""


def test_the_same_directory_name_in_two_organizations_is_two_datasets(lab: Organization) -> None:
    other = make_organization()
    on_disk.write_dataset(lab, "brain")
    on_disk.write_dataset(other, "brain", scale=[5, 5, 5])
    scan(lab)
    scan(other)
    sizes = dict(Dataset.objects.values_list("organization", "voxel_size_x"))
    assert sizes == {lab.pk: 11, other.pk: 5}


def test_two_datasets_may_have_one_name(lab: Organization) -> None:
    on_disk.write_dataset(lab, "brain")
    on_disk.write_dataset(lab, "brain2")
    scan(lab)
    Dataset.objects.update(name="brain")
    assert not scan(lab).is_eventful
    assert Dataset.objects.filter(name="brain", status="").count() == 2


def test_attachments_in_known_folders_are_found_and_declared_ones_stay(lab: Organization) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    for path in ("meshes/a.hdf5", "meshes/b.hdf5", "agglomerates/c.hdf5", "segmentIndex/i.hdf5"):
        (directory / "color" / path).parent.mkdir(exist_ok=True)
        (directory / "color" / path).touch()
    declared = {"name": "first", "path": "./color/meshes/a.hdf5", "dataFormat": "hdf5"}
    on_disk.write_properties(directory, on_disk.layer(attachments={"meshes": [declared]}))
    scan(lab)
    found = {(row.kind, row.name): row.path for row in get().layers.get().attachments.all()}
    assert found == {
        ("meshes", "first"): "./color/meshes/a.hdf5",
        ("meshes", "b"): "color/meshes/b.hdf5",
        ("agglomerates", "c"): "color/agglomerates/c.hdf5",
        ("segmentIndex", "i"): "color/segmentIndex/i.hdf5",
    }
    assert not scan(lab).is_eventful


def test_progress_is_told_and_may_end_the_scan_without_losing_what_was_done(
    lab: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.disk.scan.BATCH", 2)
    for number in range(5):
        on_disk.write_dataset(lab, f"dataset_{number}")
    told = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan_organization(lab, progress)
    assert told == [(0, 5), (2, 5), (4, 5)]
    assert Dataset.objects.count() == 4
    scan(lab)
    assert Dataset.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_two_scans_at_once_take_each_directory_once() -> None:
    lab = make_organization()
    for number in range(20):
        on_disk.write_dataset(lab, f"dataset_{number}")
    barrier = threading.Barrier(2)
    outcomes = []

    def scan_too() -> None:
        try:
            barrier.wait()
            outcomes.append(scan(lab))
        finally:
            connection.close()

    threads = [threading.Thread(target=scan_too) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 2
    assert Dataset.objects.filter(status="").count() == 20
    assert sum(len(outcome.added) for outcome in outcomes) == 20


def test_an_outcome_survives_as_json() -> None:
    outcome = Outcome(seen=3, problems=["a"])
    outcome.added.append(reconcile.Finding("1", "brain", "words"))
    assert Outcome.from_json(json.loads(json.dumps(outcome.as_json()))) == outcome
