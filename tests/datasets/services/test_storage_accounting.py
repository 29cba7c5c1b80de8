"""What counts as used storage, for whom, and when it is measured again."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from datasets.disk.scan import scan_organization
from datasets.models import Dataset, UsedStorage
from datasets.properties import DataSource
from datasets.services import paths, storage_accounting
from datasets.services.composing import ComposedLayer, compose
from datasets.services.data_source import store
from datasets.services.disk_changes import reload_dataset
from datasets.services.storage_accounting import (
    measure,
    measure_due,
    used_and_quota,
    used_bytes_seen_by,
)
from datasets.storage.local import dataset_directory, organization_directory
from datasets.storage.walk import walk
from sharing.access import ANONYMOUS, Actor, actor_for
from sharing.errors import NotAllowed, NotFound
from sharing.models import Organization
from tests.datasets.disk import on_disk
from tests.factories import make_dataset, make_organization, make_team, make_user

# The length of the metadata that on_disk.write_mag writes.
METADATA = 183


@pytest.fixture
def admin(lab: Organization) -> Actor:
    return actor_for(make_user(lab, is_admin=True))


def with_bytes(lab: Organization, name: str, count: int) -> Dataset:
    """A scanned dataset of which the only mag has so many bytes besides its metadata."""
    directory = on_disk.write_dataset(lab, name) / "color" / "1"
    (directory / "0.0.0.0").write_bytes(bytes(count))
    scan_organization(lab)
    return Dataset.objects.get(organization=lab, directory_name=name)


def used(actor: Actor, dataset: Dataset) -> int:
    return used_bytes_seen_by(actor, [dataset])[dataset.pk]


def refer_to(actor: Actor, *sources: Dataset) -> Dataset:
    layers = [ComposedLayer(source.pk, "color", f"layer{i}") for i, source in enumerate(sources)]
    organization_id = actor.organization_id or ""
    dataset = compose(actor=actor, organization_id=organization_id, name="composed", layers=layers)
    measure(dataset)
    return dataset


def test_the_length_of_files_counts_and_not_their_blocks(tmp_path: Path) -> None:
    (tmp_path / "mag" / "c").mkdir(parents=True)
    (tmp_path / "mag" / "c" / "0").write_bytes(b"x")
    with (tmp_path / "mag" / "sparse").open("wb") as file:
        file.truncate(10_000_000)
    assert walk(tmp_path / "mag", lambda _: False) == (10_000_001, ())
    assert walk(tmp_path / "mag" / "c" / "0", lambda _: False).used_bytes == 1
    assert walk(tmp_path / "missing", lambda _: False) == (0, ())


def test_what_is_reached_twice_counts_once_and_loops_end(tmp_path: Path) -> None:
    mag = tmp_path / "mag"
    (mag / "c").mkdir(parents=True)
    (mag / "c" / "0").write_bytes(bytes(100))
    os.link(mag / "c" / "0", mag / "c" / "1")
    (mag / "c" / "2").symlink_to("0")
    (mag / "c" / "loop").symlink_to(mag)
    (mag / "dangling").symlink_to("nowhere")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(bytes(1000))
    (outside / "back").symlink_to(mag)
    (mag / "out").symlink_to(outside)
    (mag / "again").symlink_to(outside / "file")
    assert walk(mag, lambda path: path.is_relative_to(outside)) == (1100, ())
    closed = walk(mag, lambda _: False)
    assert closed.used_bytes == 100
    assert set(closed.strays) == {outside, outside / "file"}


def test_mags_and_attachments_add_up(admin: Actor, lab: Organization) -> None:
    dataset = with_bytes(lab, "brain", 1000)
    directory = on_disk.organization_directory(lab) / "brain"
    (directory / "color" / "meshes").mkdir()
    (directory / "color" / "meshes" / "small.hdf5").write_bytes(bytes(50))
    (directory / "unknown").write_bytes(bytes(10_000))
    reload_dataset(actor=admin, dataset=dataset)
    assert used(admin, dataset) == 0
    assert measure_due() == 1
    assert used(admin, dataset) == 1050 + METADATA
    rows = storage_accounting.details(actor=admin, dataset=dataset)
    found = {(row.layer_name, row.attachment_type, row.name): row.used_bytes for row in rows}
    assert found == {("color", "", "1"): 1000 + METADATA, ("color", "meshes", "small"): 50}
    assert used_and_quota(lab).used_bytes == 1050 + METADATA


def test_shared_data_counts_once_for_the_oldest(admin: Actor, lab: Organization) -> None:
    brain = with_bytes(lab, "brain", 1000)
    measure(brain)
    first = refer_to(admin, brain, brain)
    second = refer_to(admin, brain)
    everything = 1000 + METADATA
    assert [used(admin, dataset) for dataset in (brain, first, second)] == [everything, 0, 0]
    assert used_and_quota(lab).used_bytes == everything
    # When the oldest goes, the next one has it, without anything being measured.
    brain.delete()
    assert [used(admin, dataset) for dataset in (first, second)] == [everything, 0]
    assert used_and_quota(lab).used_bytes == everything
    first.delete()
    assert used(admin, second) == everything
    second.delete()
    assert used_and_quota(lab).used_bytes == 0


def test_what_is_remote_or_of_others_counts_nothing(admin: Actor, lab: Organization) -> None:
    other = make_organization()
    theirs = with_bytes(other, "theirs", 1000)
    organization_directory(lab.pk).mkdir()
    (organization_directory(lab.pk) / "linked").symlink_to(dataset_directory(theirs))
    scan_organization(lab)
    linked = Dataset.objects.get(organization=lab, directory_name="linked")
    measure(linked)
    # Not even where their own dataset is not measured yet.
    assert used(admin, linked) == 0
    remote = make_dataset(lab, is_virtual=True)
    mags = [{"mag": [1, 1, 1], "path": "https://example.org/color/1"}]
    document = on_disk.document(on_disk.layer(mags=mags))
    store(remote, DataSource.model_validate(document))
    measure(remote)
    assert used_and_quota(lab).used_bytes == 0
    assert not UsedStorage.objects.exists()


def test_only_members_learn_it_and_only_editors_in_detail(admin: Actor, lab: Organization) -> None:
    dataset = with_bytes(lab, "brain", 1000)
    measure(dataset)
    Dataset.objects.filter(pk=dataset.pk).update(is_public=True)
    stranger = actor_for(make_user(make_organization(), is_admin=True))
    member = make_user(lab)
    make_team(lab, members=(member,))
    assert used(actor_for(member), dataset) == 1000 + METADATA
    assert used(stranger, dataset) == used(ANONYMOUS, dataset) == 0
    dataset.refresh_from_db()
    with pytest.raises(NotAllowed):
        storage_accounting.details(actor=actor_for(member), dataset=dataset)
    Dataset.objects.filter(pk=dataset.pk).update(is_public=False)
    dataset.refresh_from_db()
    with pytest.raises(NotFound):
        storage_accounting.details(actor=stranger, dataset=dataset)


def test_it_is_measured_when_it_changes_and_once_a_day(admin: Actor, lab: Organization) -> None:
    dataset = with_bytes(lab, "brain", 1000)
    assert measure_due() == 1
    assert measure_due() == 0
    chunk = on_disk.organization_directory(lab) / "brain" / "color" / "1" / "0.0.0.0"
    chunk.write_bytes(bytes(3000))
    assert measure_due() == 0
    reload_dataset(actor=admin, dataset=dataset)
    assert measure_due() == 1
    assert used(admin, dataset) == 3000 + METADATA
    chunk.write_bytes(bytes(4000))
    long_ago = timezone.now() - storage_accounting.MEASURED_AGAIN_AFTER - timedelta(minutes=1)
    Dataset.objects.update(storage_measured=long_ago)
    assert measure_due() == 1
    assert used(admin, dataset) == 4000 + METADATA


def test_a_stretch_ends_and_the_longest_unmeasured_comes_first(lab: Organization) -> None:
    old, new = with_bytes(lab, "old", 10), with_bytes(lab, "new", 10)
    Dataset.objects.filter(pk=old.pk).update(storage_measured=timezone.now() - timedelta(days=9))
    assert measure_due(seconds=0) == 0
    order: list[str] = []
    measured = storage_accounting.measure

    def note(dataset: Dataset) -> None:
        order.append(dataset.pk)
        measured(dataset)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage_accounting, "measure", note)
        measure_due()
    assert order == [new.pk, old.pk]


def test_one_broken_dataset_keeps_no_other_waiting(lab: Organization) -> None:
    broken, good = with_bytes(lab, "broken", 10), with_bytes(lab, "good", 10)
    broken.layers.update(category="nonsense")
    assert measure_due() == 2
    assert measure_due() == 0
    assert used_and_quota(lab).used_bytes == 10 + METADATA
    assert UsedStorage.objects.get().dataset == good


def test_uploads_to_paths_are_measured_when_they_are_finished(
    admin: Actor, lab: Organization
) -> None:
    dataset, reserved = paths.reserve_dataset(
        actor=admin, name="fresh", data_source=DataSource.model_validate(on_disk.document())
    )
    path = Path(reserved.layers[0].mags[0].path or "")
    on_disk.write_mag(path)
    (path / "0.0.0.0").write_bytes(bytes(700))
    assert measure_due() == 0
    paths.finish_dataset(actor=admin, dataset=dataset)
    assert used(admin, dataset) == 700 + METADATA
    assert measure_due() == 0


def test_a_dataset_deleted_meanwhile_leaves_nothing(lab: Organization) -> None:
    dataset = with_bytes(lab, "brain", 10)
    stale = Dataset.objects.get(pk=dataset.pk)
    data: Any = storage_accounting.load(stale)

    def load_and_lose(_: Dataset) -> Any:
        Dataset.objects.get(pk=stale.pk).delete()
        return data

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage_accounting, "load", load_and_lose)
        measure(stale)
    assert not UsedStorage.objects.exists()


def test_the_quota_is_what_the_organization_includes(lab: Organization) -> None:
    assert not used_and_quota(lab).is_exceeded_by(2**60)
    measure(with_bytes(lab, "brain", 1000))
    lab.included_storage_bytes = 1000 + METADATA + 5
    assert not used_and_quota(lab).is_exceeded_by(5)
    assert used_and_quota(lab).is_exceeded_by(6)


def test_a_list_asks_once(admin: Actor, lab: Organization) -> None:
    datasets = [with_bytes(lab, f"brain{i}", 10) for i in range(3)]
    measure_due()
    with CaptureQueriesContext(connection) as queries:
        assert set(used_bytes_seen_by(admin, datasets).values()) == {10 + METADATA}
    assert len(queries) == 1
