"""Who wins between disk and tables, when a file changes and when a directory goes."""

import json
from pathlib import Path
from typing import Any

import pytest

from datasets.disk import listing
from datasets.disk.outcome import Outcome
from datasets.models import Dataset, DataStore, DiskScan, Tag
from datasets.services.folders import root_of
from sharing.models import Organization
from tests.datasets.disk import on_disk
from tests.datasets.disk.scanning import get, names, scan
from tests.factories import make_dataset, make_folder

MISSING = "No longer available on datastore."


def test_a_difference_waits_and_what_is_used_stays(lab: Organization) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    scan(lab)
    on_disk.write_properties(directory, scale=[5, 5, 5])
    outcome = scan(lab)
    assert names(outcome.pending) == ["brain"]
    assert get().voxel_size == (11, 11, 24)
    assert get().pending_hash
    assert get().pending_properties["scale"]["factor"] == [5, 5, 5]
    assert not scan(lab).is_eventful


def test_a_waiting_difference_goes_when_the_file_is_as_before(lab: Organization) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    scan(lab)
    on_disk.write_properties(directory, scale=[5, 5, 5])
    scan(lab)
    on_disk.write_properties(directory)
    scan(lab)
    assert get().pending_hash == ""
    assert get().pending_properties is None


def test_another_spelling_of_the_same_properties_is_no_difference(lab: Organization) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    scan(lab)
    path = directory / "datasource-properties.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=4))
    assert not scan(lab).is_eventful
    assert get().pending_hash == ""


def test_a_difference_takes_effect_at_once_where_the_operator_says_so(
    lab: Organization, settings: Any
) -> None:
    settings.APPLY_DISK_CHANGES = True
    directory = on_disk.write_dataset(lab, "brain")
    scan(lab)
    on_disk.write_properties(directory, scale=[5, 5, 5])
    assert names(scan(lab).changed) == ["brain"]
    assert get().voxel_size == (5, 5, 5)


def test_a_vanished_dataset_says_so_and_comes_back_with_what_people_gave_it(
    lab: Organization,
) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    scan(lab)
    seen = DiskScan.objects.get().finished
    dataset = get()
    dataset.folder = make_folder(root_of(lab))
    dataset.name, dataset.description, dataset.is_public = "My brain", "words", True
    dataset.save()
    dataset.tags.add(Tag.objects.create(organization=lab, name="mouse"))
    dataset.layers.update(admin_view_configuration={"alpha": 7})
    directory.rename(directory.with_name(".hidden"))
    assert names(scan(lab).missing) == ["brain"]
    assert get().status == MISSING
    assert get().last_seen == seen
    assert not get().layers.exists()
    assert get().voxel_size is None
    assert not scan(lab).is_eventful

    directory.with_name(".hidden").rename(directory)
    assert names(scan(lab).recovered) == ["brain"]
    back = get()
    assert back.pk == dataset.pk
    assert (back.status, back.name, back.description) == ("", "My brain", "words")
    assert back.is_public
    assert back.folder == dataset.folder
    assert [tag.name for tag in back.tags.all()] == ["mouse"]
    assert back.layers.count() == 1
    assert back.admin_view_configuration == {"layers": {"color": {"alpha": 7}}}
    assert back.version > dataset.version


def test_nothing_goes_missing_when_the_listing_fails(
    lab: Organization, binary_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk.write_dataset(lab, "brain")
    scan(lab)
    with monkeypatch.context() as patch:
        patch.setattr(listing, "visible_names", _input_output_error)
        outcome = scan(lab)
    assert "can't be listed" in outcome.problems[0]
    assert get().status == ""
    (binary_data / lab.pk).rename(binary_data / "unmounted")
    assert "can't be listed" in scan(lab).problems[0]
    assert get().status == ""


def test_nothing_goes_missing_that_the_listing_overlooked(
    lab: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk.write_dataset(lab, "brain")
    scan(lab)
    monkeypatch.setattr(listing, "visible_names", lambda directory: [])
    assert not scan(lab).missing
    assert get().status == ""


def _input_output_error(directory: Path) -> list[str]:
    raise OSError(5, "Input/output error")


def test_a_new_organization_without_a_directory_is_no_trouble(lab: Organization) -> None:
    assert scan(lab) == Outcome()


@pytest.mark.parametrize(
    "fields",
    [
        {"is_virtual": True},
        {"status": Dataset.Status.NOT_UPLOADED},
        {"status": Dataset.Status.NOT_UPLOADED_TO_PATHS},
        {"status": Dataset.Status.DELETED},
    ],
)
@pytest.mark.parametrize("is_there", [True, False])
def test_virtual_datasets_unfinished_uploads_and_deleted_ones_are_left_alone(
    lab: Organization, fields: dict[str, Any], is_there: bool
) -> None:
    on_disk.organization_directory(lab)
    dataset = make_dataset(lab, name="brain", **fields)
    if is_there:
        on_disk.write_dataset(lab, "brain")
    before = Dataset.objects.filter(pk=dataset.pk).values().get()
    assert not scan(lab).is_eventful
    assert Dataset.objects.filter(pk=dataset.pk).values().get() == before
    assert Dataset.objects.count() == 1


def test_a_dataset_of_another_store_is_adopted_only_from_scratch_or_when_lost(
    lab: Organization,
) -> None:
    on_disk.write_dataset(lab, "kept")
    on_disk.write_dataset(lab, "scratch")
    on_disk.write_dataset(lab, "lost")
    other = DataStore.objects.create(name="cluster")
    scratch = DataStore.objects.create(name="scratch", is_scratch=True)
    for name, store in (
        ("elsewhere", other),
        ("kept", other),
        ("scratch", scratch),
        ("lost", other),
    ):
        dataset = make_dataset(lab, name=name, status=MISSING if name == "lost" else "")
        Dataset.objects.filter(pk=dataset.pk).update(data_store=store)
    scan(lab)
    stores = dict(Dataset.objects.values_list("name", "data_store"))
    assert stores == {
        "elsewhere": "cluster",
        "kept": "cluster",
        "scratch": "local",
        "lost": "local",
    }
    assert get("elsewhere").status == ""
