"""What people do about changes on disk, and how saving never loses what somebody else wrote."""

import errno
from pathlib import Path
from typing import Any

import pytest

from datasets import properties
from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from datasets.properties import BoundingBox, Category, DataSource, VoxelSize
from datasets.services import settings_file
from datasets.services.data_source import load
from datasets.services.disk_changes import (
    apply_pending,
    dismiss_pending,
    pending_difference,
    reload_dataset,
)
from datasets.services.importing import LayerAnswers, import_dataset, questions_of
from datasets.services.settings_file import NotWritten, save_data_source
from sharing.access import Actor, actor_for
from sharing.errors import Conflict, Invalid, NotAllowed, NotFound
from sharing.models import Organization
from tests.datasets.disk import on_disk
from tests.factories import make_organization, make_team, make_user

BRAIN = "brain"


@pytest.fixture
def admin(lab: Organization) -> Actor:
    return actor_for(make_user(lab, is_admin=True))


@pytest.fixture
def directory(lab: Organization) -> Path:
    return on_disk.write_dataset(lab, BRAIN)


@pytest.fixture
def dataset(lab: Organization, directory: Path) -> Dataset:
    scan_organization(lab)
    return Dataset.objects.get()


@pytest.fixture
def waiting(lab: Organization, directory: Path, dataset: Dataset) -> Dataset:
    """A dataset whose voxel size was changed on disk."""
    on_disk.write_properties(directory, scale=[5, 5, 5])
    scan_organization(lab)
    dataset.refresh_from_db()
    return dataset


def with_voxel_size(dataset: Dataset, *factor: float) -> DataSource:
    x, y, z = factor
    return load(dataset).model_copy(update={"voxel_size": VoxelSize(factor=(x, y, z))})


class TestPending:
    def test_the_full_settings_and_the_difference_are_shown(self, waiting: Dataset) -> None:
        shown = pending_difference(waiting)
        assert shown is not None
        full, changes = shown
        assert full["scale"]["factor"] == [5, 5, 5]
        assert full["dataLayers"][0]["name"] == "color"
        assert changes == [
            {
                "change": "changed",
                "path": "scale.factor",
                "old": [11, 11, 24],
                "new": [5, 5, 5],
            }
        ]

    def test_nothing_is_shown_where_nothing_waits(self, dataset: Dataset) -> None:
        assert pending_difference(dataset) is None

    def test_applied_it_takes_effect_with_a_new_version(
        self, waiting: Dataset, admin: Actor
    ) -> None:
        apply_pending(actor=admin, dataset=waiting, pending_hash=waiting.pending_hash)
        assert waiting.voxel_size == (5, 5, 5)
        assert waiting.version == 2
        assert pending_difference(waiting) is None

    def test_dismissed_it_is_offered_again_only_when_the_file_changes(
        self, lab: Organization, waiting: Dataset, directory: Path, admin: Actor
    ) -> None:
        dismiss_pending(actor=admin, dataset=waiting, pending_hash=waiting.pending_hash)
        on_disk.write_properties(directory, scale=[5, 5, 5])  # touched, not changed
        assert not scan_organization(lab).pending
        on_disk.write_properties(directory, scale=[6, 6, 6])
        assert scan_organization(lab).pending
        waiting.refresh_from_db()
        assert waiting.voxel_size == (11, 11, 24)

    def test_what_changed_again_on_disk_is_not_applied_unseen(
        self, waiting: Dataset, directory: Path, admin: Actor
    ) -> None:
        seen = waiting.pending_hash
        on_disk.write_properties(directory, scale=[7, 7, 7])
        with pytest.raises(Conflict, match="changed again"):
            apply_pending(actor=admin, dataset=waiting, pending_hash=seen)
        assert waiting.voxel_size == (11, 11, 24)
        shown = pending_difference(waiting)
        assert shown is not None
        assert shown[0]["scale"]["factor"] == [7, 7, 7]
        with pytest.raises(Conflict, match="no longer waits"):
            apply_pending(actor=admin, dataset=waiting, pending_hash=seen)

    @pytest.mark.parametrize("decide", [apply_pending, dismiss_pending])
    def test_only_those_who_may_edit_decide(
        self, lab: Organization, waiting: Dataset, decide: Any
    ) -> None:
        stranger = actor_for(make_user(make_organization()))
        member = make_user(lab)
        manager = make_user(lab)
        make_team(lab, managers=(manager,))
        waiting.is_public = True
        waiting.save()
        for actor, error in ((stranger, NotAllowed), (actor_for(member), NotAllowed)):
            with pytest.raises(error):
                decide(actor=actor, dataset=waiting, pending_hash=waiting.pending_hash)
        decide(actor=actor_for(manager), dataset=waiting, pending_hash=waiting.pending_hash)


class TestReload:
    def test_everything_is_read_anew(self, dataset: Dataset, directory: Path, admin: Actor) -> None:
        (directory / "color" / "meshes").mkdir()
        (directory / "color" / "meshes" / "m.hdf5").touch()
        reload_dataset(actor=admin, dataset=dataset)
        assert dataset.version >= 2
        assert dataset.layers.get().attachments.get().name == "m"

    @pytest.mark.parametrize("is_dismissed", [False, True])
    def test_a_lost_mag_is_noticed_whatever_else_of_the_disk_waits_or_was_dismissed(
        self, waiting: Dataset, directory: Path, admin: Actor, is_dismissed: bool
    ) -> None:
        if is_dismissed:
            dismiss_pending(actor=admin, dataset=waiting, pending_hash=waiting.pending_hash)
        mag_directory = directory / "color" / "1"
        mag_directory.rename(directory / "elsewhere")
        (note,) = reload_dataset(actor=admin, dataset=waiting).notes
        assert "Layer 'color', mag 1: " in note.text
        assert waiting.layers.get().mags.get().problem == note.text
        (directory / "elsewhere").rename(mag_directory)
        assert reload_dataset(actor=admin, dataset=waiting).notes == []
        assert waiting.layers.get().mags.get().problem == ""

    def test_a_vanished_directory_is_told_at_once(
        self, dataset: Dataset, directory: Path, admin: Actor
    ) -> None:
        on_disk.remove(directory)
        assert reload_dataset(actor=admin, dataset=dataset).missing
        assert dataset.status == "No longer available on datastore."

    def test_an_unmounted_disk_changes_nothing(
        self, dataset: Dataset, directory: Path, admin: Actor
    ) -> None:
        on_disk.remove(directory.parent)
        with pytest.raises(Conflict, match="mounted"):
            reload_dataset(actor=admin, dataset=dataset)
        dataset.refresh_from_db()
        assert dataset.status == ""

    def test_a_stranger_learns_nothing(self, dataset: Dataset) -> None:
        with pytest.raises(NotFound):
            reload_dataset(actor=actor_for(make_user(make_organization())), dataset=dataset)


class TestSave:
    def test_file_and_tables_change_in_step_and_the_old_file_is_kept_in_the_log(
        self, lab: Organization, dataset: Dataset, directory: Path, admin: Actor
    ) -> None:
        before = (directory / "datasource-properties.json").read_text()
        assert save_data_source(
            actor=admin, dataset=dataset, data_source=with_voxel_size(dataset, 4, 4, 4)
        )
        assert dataset.voxel_size == (4, 4, 4)
        assert properties.read(directory / "datasource-properties.json") == load(dataset)
        assert before in (directory / "datasource-properties-backups.log").read_text()
        assert not scan_organization(lab).is_eventful

    def test_what_was_changed_on_disk_meanwhile_is_not_overwritten(
        self, dataset: Dataset, directory: Path, admin: Actor
    ) -> None:
        on_disk.write_properties(directory, scale=[5, 5, 5])
        mine = with_voxel_size(dataset, 4, 4, 4)
        with pytest.raises(Conflict, match="changed on disk meanwhile"):
            save_data_source(actor=admin, dataset=dataset, data_source=mine)
        assert properties.read(directory / "datasource-properties.json").voxel_size.factor[0] == 5
        dataset.refresh_from_db()
        with pytest.raises(Conflict, match="Apply or dismiss"):
            save_data_source(actor=admin, dataset=dataset, data_source=mine)
        dismiss_pending(actor=admin, dataset=dataset, pending_hash=dataset.pending_hash)
        assert save_data_source(actor=admin, dataset=dataset, data_source=mine)

    def test_a_file_broken_meanwhile_is_not_overwritten_but_once_seen_it_is_repaired(
        self, lab: Organization, dataset: Dataset, directory: Path, admin: Actor
    ) -> None:
        (directory / "datasource-properties.json").write_text("{")
        mine = with_voxel_size(dataset, 4, 4, 4)
        with pytest.raises(Conflict):
            save_data_source(actor=admin, dataset=dataset, data_source=mine)
        dataset.refresh_from_db()
        assert dataset.status.startswith("Error: Invalid json")
        assert save_data_source(actor=admin, dataset=dataset, data_source=mine)
        assert dataset.status == ""

    def test_every_problem_is_told_and_nothing_written(
        self, dataset: Dataset, directory: Path, admin: Actor
    ) -> None:
        before = (directory / "datasource-properties.json").read_text()
        with pytest.raises(Invalid, match="voxel size"):
            save_data_source(
                actor=admin, dataset=dataset, data_source=with_voxel_size(dataset, 0, 4, 4)
            )
        assert (directory / "datasource-properties.json").read_text() == before

    @pytest.mark.parametrize("path", ["/etc", "../other", "https://example.org/x"])
    def test_a_path_out_of_the_dataset_is_refused(
        self, dataset: Dataset, admin: Actor, path: str
    ) -> None:
        data_source = load(dataset)
        mag = data_source.layers[0].mags[0].model_copy(update={"path": path})
        layer = data_source.layers[0].model_copy(update={"mags": (mag,)})
        with pytest.raises(Invalid, match="mag 1"):
            save_data_source(
                actor=admin,
                dataset=dataset,
                data_source=data_source.model_copy(update={"layers": (layer,)}),
            )

    @pytest.mark.parametrize("cause", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
    def test_a_full_or_failing_disk_is_told_and_changes_nothing(
        self, dataset: Dataset, admin: Actor, monkeypatch: pytest.MonkeyPatch, cause: int
    ) -> None:
        refuse_to_write(monkeypatch, cause)
        mine = with_voxel_size(dataset, 4, 4, 4)
        with pytest.raises(NotWritten, match="as they were"):
            save_data_source(actor=admin, dataset=dataset, data_source=mine)
        dataset.refresh_from_db()
        assert dataset.voxel_size == (11, 11, 24)

    def test_in_a_directory_that_can_only_be_read_the_tables_keep_it(
        self,
        lab: Organization,
        dataset: Dataset,
        admin: Actor,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        refuse_to_write(monkeypatch, errno.EROFS)
        mine = with_voxel_size(dataset, 4, 4, 4)
        assert not save_data_source(actor=admin, dataset=dataset, data_source=mine)
        assert not scan_organization(lab).is_eventful
        dataset.refresh_from_db()
        assert dataset.voxel_size == (4, 4, 4)

    def test_an_unfinished_upload_is_not_touched(self, dataset: Dataset, admin: Actor) -> None:
        mine = with_voxel_size(dataset, 4, 4, 4)
        dataset.status = Dataset.Status.NOT_UPLOADED
        dataset.save()
        with pytest.raises(Conflict):
            save_data_source(actor=admin, dataset=dataset, data_source=mine)


def refuse_to_write(monkeypatch: pytest.MonkeyPatch, cause: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(cause, "refused")

    monkeypatch.setattr(settings_file.properties, "write", refuse)


class TestImport:
    @pytest.fixture
    def bare(self, lab: Organization) -> Dataset:
        for layer in ("color", "labels"):
            on_disk.write_mag(on_disk.organization_directory(lab) / BRAIN / layer / "1")
        scan_organization(lab)
        return Dataset.objects.get()

    def test_the_questions_are_prefilled_with_what_was_inferred(self, bare: Dataset) -> None:
        questions = questions_of(bare)
        assert questions.missing == ("voxel size",)
        assert [layer.name for layer in questions.layers] == ["color", "labels"]

    def test_with_the_answers_it_is_imported_and_written_down(
        self, lab: Organization, bare: Dataset, admin: Actor
    ) -> None:
        assert import_dataset(
            actor=admin,
            dataset=bare,
            voxel_size=VoxelSize(factor=(0.5, 0.5, 2), unit="µm"),
            layers={
                "labels": LayerAnswers(
                    name="cells",
                    category=Category.SEGMENTATION,
                    largest_segment_id=17,
                    bounding_box=BoundingBox.of((0, 0, 0), (30, 30, 30)),
                )
            },
        )
        assert bare.status == ""
        assert bare.inferred_properties is None
        assert bare.voxel_size_unit == "micrometer"
        cells = load(bare).layer("cells")
        assert cells is not None
        assert cells.is_segmentation
        assert cells.largest_segment_id == 17
        assert cells.bounding_box.size == (30, 30, 30)
        assert [mag.problem for layer in bare.layers.all() for mag in layer.mags.all()] == ["", ""]
        path = on_disk.organization_directory(lab) / BRAIN / "datasource-properties.json"
        assert properties.read(path) == load(bare)
        assert not scan_organization(lab).is_eventful

    def test_answers_that_make_no_sense_are_told_together(
        self, bare: Dataset, admin: Actor
    ) -> None:
        with pytest.raises(Invalid) as caught:
            import_dataset(
                actor=admin,
                dataset=bare,
                voxel_size=VoxelSize(factor=(-1, 1, 1)),
                layers={"labels": LayerAnswers(name="color")},
            )
        assert len(caught.value.messages) == 2

    def test_an_unknown_layer_is_refused(self, bare: Dataset, admin: Actor) -> None:
        with pytest.raises(Invalid, match="no layer 'x'"):
            import_dataset(
                actor=admin,
                dataset=bare,
                voxel_size=VoxelSize(factor=(1, 1, 1)),
                layers={"x": LayerAnswers()},
            )

    def test_an_imported_dataset_is_not_imported_again(
        self, dataset: Dataset, admin: Actor
    ) -> None:
        with pytest.raises(Conflict, match="not waiting"):
            import_dataset(actor=admin, dataset=dataset, voxel_size=VoxelSize(factor=(1, 1, 1)))
