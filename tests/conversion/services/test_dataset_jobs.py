"""Who may have which work done on a dataset, and what the work makes of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from conversion.models import Job
from conversion.services import jobs, largest_segment_id, missing_mags, rewriting
from conversion.services.exporting import request_export
from conversion.services.largest_segment_id import request_largest_segment_id
from conversion.services.measuring import request_measuring
from conversion.services.missing_mags import request_missing_mags
from conversion.services.rewriting import request_rewriting
from conversion.tools.new_mags import mag_properties
from conversion.tools.rewriting import Form, rewrite_layer
from datasets import properties
from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from datasets.properties import BoundingBox, Category, DataFormat, DataSource
from datasets.services import emptying
from datasets.services.composing import change_data_source
from datasets.services.data_source import load
from datasets.services.dataset_teams import set_allowed_teams
from datasets.services.storage_accounting import details
from sharing.access import Actor, actor_for
from sharing.errors import Conflict, Invalid, NotAllowed, NotFound
from sharing.models import Organization, User
from tests.conversion.services.stored import directory_of, run, succeeded, take_in
from tests.conversion.tools import datasets_made as made
from tests.factories import make_organization, make_team, make_user

Ask = Callable[[Actor, Dataset], Job]
Edit = Callable[[DataSource], DataSource]

BOX = BoundingBox.of((5, 6, 7), (40, 30, 20))

VIEWERS: dict[str, Ask] = {
    "export": lambda actor, dataset: request_export(actor=actor, dataset=dataset, box=BOX),
    "segment id": lambda actor, dataset: request_largest_segment_id(
        actor=actor, dataset=dataset, layer_name="color"
    ),
}
EDITORS: dict[str, Ask] = {
    "missing mags": lambda actor, dataset: request_missing_mags(actor=actor, dataset=dataset),
    "format": lambda actor, dataset: request_rewriting(
        actor=actor, dataset=dataset, form=Form(DataFormat.WKW)
    ),
    "storage": lambda actor, dataset: request_measuring(actor=actor, dataset=dataset),
}


@pytest.fixture
def admin(lab: Organization) -> User:
    return make_user(lab, is_admin=True)


@pytest.fixture
def segmentation(binary_data: Path, lab: Organization) -> Dataset:
    data = made.voxels((80, 60, 40), "uint32")
    return take_in(binary_data, lab, data=data, category=Category.SEGMENTATION)


@pytest.fixture
def dataset(binary_data: Path, lab: Organization) -> Dataset:
    return take_in(binary_data, lab)


PEOPLE = {
    # whether they may have what viewers may, and what editors may
    "admin": (True, True),
    "dataset manager": (True, True),
    "manager of its team": (True, True),
    "member of its team": (True, False),
    "member of another team": (False, False),
    "admin elsewhere": (False, False),
}


@pytest.fixture
def people(lab: Organization, segmentation: Dataset, admin: User) -> dict[str, User]:
    member, manager, other = make_user(lab), make_user(lab), make_user(lab)
    team = make_team(lab, members=(member,), managers=(manager,))
    make_team(lab, members=(other,))
    set_allowed_teams(actor=actor_for(admin), dataset=segmentation, team_ids=[team.pk])
    return {
        "admin": admin,
        "dataset manager": make_user(lab, is_dataset_manager=True),
        "manager of its team": manager,
        "member of its team": member,
        "member of another team": other,
        "admin elsewhere": make_user(make_organization(), is_admin=True),
    }


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("what", [*VIEWERS, *EDITORS])
def test_viewers_read_and_only_editors_change(
    people: dict[str, User], segmentation: Dataset, who: str, what: str
) -> None:
    may_view, may_edit = PEOPLE[who]
    actor = actor_for(people[who])
    is_allowed = may_view if what in VIEWERS else may_edit
    ask = (VIEWERS | EDITORS)[what]
    if is_allowed:
        assert ask(actor, segmentation).owner == people[who]
        return
    with pytest.raises(NotAllowed if may_view else NotFound):
        ask(actor, segmentation)
    assert not Job.objects.exclude(kind=Job.Kind.SCAN).exists()


@pytest.mark.parametrize("what", VIEWERS)
def test_whoever_views_as_everybody_does_gets_no_work_done(
    segmentation: Dataset, admin: User, what: str
) -> None:
    Dataset.objects.filter(pk=segmentation.pk).update(is_public=True)
    segmentation.refresh_from_db()
    stranger = actor_for(make_user(make_organization(), is_admin=True))

    with pytest.raises(NotAllowed, match="organization"):
        VIEWERS[what](stranger, segmentation)


def test_a_right_that_was_taken_ends_the_job(
    people: dict[str, User], segmentation: Dataset
) -> None:
    member = people["member of its team"]
    job = VIEWERS["export"](actor_for(member), segmentation)
    set_allowed_teams(actor=actor_for(people["admin"]), dataset=segmentation, team_ids=[])

    run(job)

    assert job.state == Job.State.FAILURE
    assert "There is no such dataset" in job.cause


def test_the_largest_segment_id_is_found_and_noted(
    lab: Organization, binary_data: Path, admin: User
) -> None:
    directory = binary_data / lab.pk / "brain"
    data = made.voxels((80, 60, 40), "uint32")
    made.make(directory, data, category=Category.SEGMENTATION)
    made.rewritten_properties(directory, largest_segment_id=None)
    scan_organization(lab)
    dataset = Dataset.objects.get(organization=lab)

    job = succeeded(VIEWERS["segment id"](actor_for(admin), dataset))

    assert job.result["value"] == int(data.max())
    source = properties.read(directory / properties.FILE_NAME)
    assert source.layers[0].largest_segment_id == int(data.max())


def test_an_id_that_can_not_be_noted_is_told_all_the_same(
    segmentation: Dataset, binary_data: Path, admin: User
) -> None:
    made.rewritten_properties(directory_of(binary_data, segmentation), largest_segment_id=None)

    job = succeeded(VIEWERS["segment id"](actor_for(admin), segmentation))

    assert job.result["value"] > 0
    assert "It was not noted" in job.message


def test_a_viewer_finds_the_id_without_changing_anything(
    people: dict[str, User], segmentation: Dataset
) -> None:
    version = Dataset.objects.get(pk=segmentation.pk).version

    job = succeeded(VIEWERS["segment id"](actor_for(people["member of its team"]), segmentation))

    assert job.result["value"] > 0
    assert Dataset.objects.get(pk=segmentation.pk).version == version


def test_an_image_has_no_segment_ids(dataset: Dataset, admin: User) -> None:
    with pytest.raises(Invalid, match="hold no segment ids"):
        VIEWERS["segment id"](actor_for(admin), dataset)


def test_missing_mags_appear_in_tables_and_file_alike(
    dataset: Dataset, binary_data: Path, admin: User
) -> None:
    job = succeeded(EDITORS["missing mags"](actor_for(admin), dataset))

    dataset.refresh_from_db()
    directory = directory_of(binary_data, dataset)
    assert made.mags_of(directory) == ["1", "2-2-1", "4-4-2"]
    assert load(dataset).layers == properties.read(directory / properties.FILE_NAME).layers
    assert not dataset.pending_hash
    assert "mag 2-2-1 of layer 'color'" in job.message
    names = {row.name for row in details(actor=actor_for(admin), dataset=dataset)}
    assert names == {"1", "2-2-1", "4-4-2"}
    with pytest.raises(Invalid, match="No mag is missing"):
        EDITORS["missing mags"](actor_for(admin), dataset)


def test_a_job_that_was_killed_between_mags_goes_on(
    dataset: Dataset, binary_data: Path, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = EDITORS["missing mags"](actor_for(admin), dataset)

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(missing_mags, "change_data_source", fail)
        run(job)
    assert job.state == Job.State.PENDING
    assert made.mags_of(directory_of(binary_data, dataset)) == ["1"]
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now())

    succeeded(job)

    assert made.mags_of(directory_of(binary_data, dataset)) == ["1", "2-2-1", "4-4-2"]


@pytest.mark.parametrize("data_format", [DataFormat.WKW, DataFormat.ZARR3])
def test_another_format_holds_the_same_voxels_and_the_old_files_go(
    dataset: Dataset, binary_data: Path, admin: User, lab: Organization, data_format: DataFormat
) -> None:
    directory = directory_of(binary_data, dataset)
    before = made.read(directory)
    form = (
        Form(DataFormat.WKW)
        if data_format is DataFormat.WKW
        else Form(DataFormat.ZARR3, (16, 16, 16), (64, 64, 64))
    )

    succeeded(request_rewriting(actor=actor_for(admin), dataset=dataset, form=form))

    dataset.refresh_from_db()
    source = properties.read(directory / properties.FILE_NAME)
    assert source.layers[0].data_format is data_format
    assert load(dataset).layers == source.layers
    assert np.array_equal(made.read(directory), before)
    emptying.empty(lab.pk)
    assert not (directory / "color").exists()
    assert made.hidden(directory) == []


def test_data_that_another_dataset_uses_stays(
    dataset: Dataset, binary_data: Path, admin: User, lab: Organization
) -> None:
    other = binary_data / lab.pk / "other"
    made.make(other)
    (other / "color").rename(other.parent / "aside")
    (other / "color").symlink_to(directory_of(binary_data, dataset) / "color")
    scan_organization(lab)

    succeeded(EDITORS["format"](actor_for(admin), dataset))
    emptying.empty(lab.pk)

    assert np.array_equal(made.read(other), made.voxels())


def test_one_job_at_a_time_changes_a_dataset(dataset: Dataset, admin: User) -> None:
    first = EDITORS["missing mags"](actor_for(admin), dataset)

    assert EDITORS["missing mags"](actor_for(admin), dataset) == first
    with pytest.raises(Conflict, match="another job"):
        EDITORS["format"](actor_for(admin), dataset)


def test_a_retry_does_not_change_a_dataset_beside_another_job(
    dataset: Dataset, admin: User
) -> None:
    actor = actor_for(admin)
    first = EDITORS["missing mags"](actor, dataset)
    jobs.cancel(actor=actor, job_id=first.pk)
    EDITORS["format"](actor, dataset)

    with pytest.raises(Conflict, match="changes the same dataset"):
        jobs.retry(actor=actor, job_id=first.pk)

    first.refresh_from_db()
    assert first.state == Job.State.CANCELLED


@pytest.mark.parametrize(
    "change",
    [{"name": "renamed"}, {"bounding_box": BOX}, {"mags": ()}],
    ids=["renamed", "of another box", "of other mags"],
)
def test_a_layer_that_changes_meanwhile_gets_no_mag(
    dataset: Dataset,
    binary_data: Path,
    admin: User,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
) -> None:
    actor = actor_for(admin)
    job = EDITORS["missing mags"](actor, dataset)

    def somebody_was_faster(actor: Actor, dataset: Dataset, edit: Edit) -> None:
        change_data_source(actor, dataset, changed)
        change_data_source(actor, dataset, edit)

    def changed(stored: DataSource) -> DataSource:
        layers = tuple(layer.model_copy(update=change) for layer in stored.layers)
        return stored.model_copy(update={"layers": layers})

    monkeypatch.setattr(missing_mags, "change_data_source", somebody_was_faster)
    run(job)

    assert job.state == Job.State.FAILURE
    assert "Layer 'color' was renamed or changed" in job.cause
    (layer,) = load(Dataset.objects.get(pk=dataset.pk)).layers
    assert "2-2-1" not in [mag.mag.literal for mag in layer.mags]
    assert not (directory_of(binary_data, dataset) / "color/2-2-1").exists()


@pytest.mark.parametrize("what", ["missing mags", "format"])
def test_whoever_lost_the_job_changes_nothing(
    dataset: Dataset, admin: User, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    job = EDITORS[what](actor_for(admin), dataset)
    before = load(dataset)

    def losing(work: Callable[..., Any]) -> Callable[..., Any]:
        def do(*arguments: Any, **options: Any) -> Any:
            done = work(*arguments, **options)
            Job.objects.filter(pk=job.pk).update(worker="a successor")
            return done

        return do

    monkeypatch.setattr("conversion.tools.downsampling.mag_properties", losing(mag_properties))
    monkeypatch.setattr(rewriting, "rewrite_layer", losing(rewrite_layer))
    run(job)

    assert (job.state, job.worker) == (Job.State.STARTED, "a successor")
    assert load(Dataset.objects.get(pk=dataset.pk)) == before


def test_the_id_is_not_noted_by_whoever_lost_the_job(
    segmentation: Dataset, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = VIEWERS["segment id"](actor_for(admin), segmentation)
    before = load(segmentation)

    def find(*_: object, **__: object) -> int:
        Job.objects.filter(pk=job.pk).update(worker="a successor")
        return 7

    monkeypatch.setattr(largest_segment_id, "find_largest_segment_id", find)
    run(job)

    assert load(Dataset.objects.get(pk=segmentation.pk)) == before


def test_a_name_that_is_taken_is_said_without_paths_of_the_server(
    dataset: Dataset, binary_data: Path, admin: User
) -> None:
    job = EDITORS["missing mags"](actor_for(admin), dataset)
    (directory_of(binary_data, dataset) / "color/2-2-1").mkdir()

    run(job)

    assert job.cause.startswith("'color' has a '2-2-1' already")
    assert str(binary_data) not in job.cause + job.advice


def test_storage_is_measured_now(dataset: Dataset, admin: User) -> None:
    job = succeeded(EDITORS["storage"](actor_for(admin), dataset))

    assert job.result["value"] > 1000
    assert "uses" in job.message


def test_a_directory_that_may_not_be_written_is_said(
    dataset: Dataset, binary_data: Path, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = EDITORS["missing mags"](actor_for(admin), dataset)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("conversion.tools.growing.PartFile", refuse)
    run(job)

    assert job.state == Job.State.FAILURE
    assert "may not write" in job.cause
