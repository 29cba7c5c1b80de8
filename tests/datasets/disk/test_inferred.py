"""Directories that nobody described."""

import os
import shutil
from pathlib import Path

import pytest

from datasets import properties
from datasets.disk import reconcile
from datasets.services.data_source import load
from sharing.models import Organization
from tests.datasets.disk import on_disk
from tests.datasets.disk.scanning import get, names, scan

NOT_IMPORTED = "Not imported yet."


@pytest.fixture
def complete(lab: Organization, samples: Path) -> Path:
    directory = on_disk.organization_directory(lab) / "brain"
    shutil.copytree(samples / "simple_ng_dataset2", directory)
    return directory


def test_what_is_complete_is_imported_and_written_down_once_it_is_quiet(
    lab: Organization, complete: Path
) -> None:
    on_disk.age(complete)
    assert names(scan(lab).added) == ["brain"]
    assert get().status == ""
    assert properties.read(complete / "datasource-properties.json") == load(get())
    assert not scan(lab).is_eventful


def test_a_copy_in_progress_is_usable_but_not_yet_written_down(
    lab: Organization, complete: Path
) -> None:
    on_disk.age(complete, seconds=0)
    scan(lab)
    assert get().status == ""
    assert not (complete / "datasource-properties.json").exists()
    on_disk.age(complete)
    scan(lab)
    assert (complete / "datasource-properties.json").exists()


def test_a_directory_that_can_only_be_read_works_from_the_tables(
    lab: Organization, complete: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk.age(complete)

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(reconcile.properties, "write", refuse)
    outcome = scan(lab)
    assert get().status == ""
    assert "Read-only file system" in outcome.notes[0].text
    assert not scan(lab).is_eventful


def test_without_a_voxel_size_it_waits_with_what_was_inferred(lab: Organization) -> None:
    on_disk.write_mag(on_disk.organization_directory(lab) / "brain" / "color" / "1")
    assert names(scan(lab).not_imported) == ["brain"]
    assert get().status == NOT_IMPORTED
    assert [layer["name"] for layer in get().inferred_properties["dataLayers"]] == ["color"]
    assert get().inferred_properties["missing"] == ["voxel size"]
    assert not scan(lab).is_eventful


def test_an_image_whose_axes_contradict_its_arrays_waits_for_a_person(
    lab: Organization, samples: Path
) -> None:
    directory = on_disk.organization_directory(lab) / "brain"
    shutil.copytree(samples / "4D" / "4D_series_zarr3", directory)
    (directory / "datasource-properties.json").unlink()
    scan(lab)
    assert get().status == NOT_IMPORTED
    assert (
        "(c, x, y, z) do not fit its array '1' of 5 axes"
        in (get().inferred_properties["problems"][0])
    )


def test_a_waiting_directory_that_grows_is_offered_as_it_is(lab: Organization) -> None:
    directory = on_disk.organization_directory(lab) / "brain"
    on_disk.write_mag(directory / "color" / "1")
    scan(lab)
    on_disk.write_mag(directory / "more" / "1")
    assert not scan(lab).not_imported
    assert [layer["name"] for layer in get().inferred_properties["dataLayers"]] == ["color", "more"]


def test_a_directory_of_something_else_waits_and_says_why(lab: Organization) -> None:
    directory = on_disk.organization_directory(lab) / "brain"
    directory.mkdir()
    (directory / "notes.txt").write_text("hello")
    assert names(scan(lab).not_imported) == ["brain"]
    assert get().status == "Not imported yet: no data in a known format was found."
    assert "No data in a known format" in get().inferred_properties["problems"][0]


def test_pipes_in_place_of_metadata_stop_no_scan(lab: Organization) -> None:
    mag = on_disk.organization_directory(lab) / "brain" / "color" / "1"
    mag.mkdir(parents=True)
    for name in ("header.wkw", "zarr.json", ".zarray", "attributes.json"):
        os.mkfifo(mag / name)
    scan(lab)
    assert get().status.startswith("Not imported yet: ")
    assert any("header.wkw" in text for text in get().inferred_properties["problems"])


def test_a_lost_properties_file_costs_nothing(lab: Organization) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    scan(lab)
    (directory / "datasource-properties.json").unlink()
    outcome = scan(lab)
    assert get().status == ""
    assert get().layers.count() == 1
    assert "properties file is gone" in outcome.notes[-1].text
    assert not scan(lab).is_eventful
