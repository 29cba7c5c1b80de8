"""What a scan takes from the disk, and what it leaves alone."""

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from datasets import properties
from datasets.disk import listing, reconcile
from datasets.disk.outcome import Outcome
from datasets.disk.scan import scan_organization, unknown_organizations
from datasets.models import Dataset, DatasetTeam, DataStore, DiskScan, Layer, Tag
from datasets.services.data_source import load
from datasets.services.data_stores import local_data_store
from datasets.services.folders import root_of
from sharing.grants import set_teams
from sharing.models import Organization
from tests.datasets.disk import on_disk
from tests.factories import make_dataset, make_folder, make_organization, make_team

NOT_IMPORTED = "Not imported yet."
MISSING = "No longer available on datastore."


def scan(lab: Organization) -> Outcome:
    return scan_organization(lab)


def get(name: str = "brain") -> Dataset:
    return Dataset.objects.get(directory_name=name)


def names(findings: list[Any]) -> list[str]:
    return [finding.name for finding in findings]


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


def break_json(directory: Path) -> None:
    (directory / "datasource-properties.json").write_text('{"scale": [1, 1,')


def make_invalid(directory: Path) -> None:
    on_disk.write_properties(directory, on_disk.layer(), on_disk.layer(), scale=[0, 1, 1])


def let_path_escape(directory: Path) -> None:
    mags = [{"mag": 1, "path": "../other/color/1"}]
    on_disk.write_properties(directory, on_disk.layer(mags=mags))


def make_path_absolute(directory: Path) -> None:
    on_disk.write_properties(directory, on_disk.layer(mags=[{"mag": 1, "path": "/etc"}]))


def make_path_remote(directory: Path) -> None:
    mags = [{"mag": 1, "path": "https://example.org/1"}]
    on_disk.write_properties(directory, on_disk.layer(mags=mags))


def let_attachment_escape(directory: Path) -> None:
    mesh = {"name": "m", "path": "../../secret.hdf5", "dataFormat": "hdf5"}
    on_disk.write_properties(directory, on_disk.layer(attachments={"meshes": [mesh]}))


def make_dangling(directory: Path) -> None:
    shutil.rmtree(directory)
    directory.symlink_to("nowhere")


def make_loop(directory: Path) -> None:
    shutil.rmtree(directory)
    directory.symlink_to(directory.name)


def overflow_columns(directory: Path) -> None:
    on_disk.write_properties(directory, on_disk.layer(size=2**63))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (break_json, ["Error: Invalid json format in brain/datasource-properties.json"]),
        (make_invalid, ["Error: ", "voxel size", "Several layers"]),
        (let_path_escape, ["Layer 'color', mag 1", "leads out of the dataset"]),
        (make_path_absolute, ["Layer 'color', mag 1", "leads out of the dataset"]),
        (make_path_remote, ["Layer 'color', mag 1", "URI"]),
        (let_attachment_escape, ["Layer 'color', meshes 'm'", "leads out of the dataset"]),
        (make_dangling, ["Error: The link 'brain' leads nowhere"]),
        (make_loop, ["Error: 'brain' is a link that leads to itself"]),
        (overflow_columns, ["Error: Layer 'color'"]),
    ],
)
@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
def test_bad_input_gives_a_clear_status_once_and_the_rest_keeps_working(
    lab: Organization, harm: Callable[[Path], None], words: list[str], is_known: bool
) -> None:
    on_disk.write_dataset(lab, "other")
    directory = on_disk.write_dataset(lab, "brain")
    if is_known:
        scan(lab)
    harm(directory)
    outcome = scan(lab)
    assert names(outcome.broken) == ["brain"]
    assert get("other").status == ""
    for part in words:
        assert part in get().status
    assert not scan(lab).is_eventful
    if is_known:  # nothing is lost
        assert get().layers.count() == 1
        assert get().voxel_size == (11, 11, 24)


def test_the_text_of_a_broken_file_is_kept_for_the_settings_page(lab: Organization) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    break_json(directory)
    scan(lab)
    assert get().raw_properties == '{"scale": [1, 1,'


def test_a_repaired_file_is_taken_at_once(lab: Organization) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    scan(lab)
    break_json(directory)
    scan(lab)
    on_disk.write_properties(directory, scale=[5, 5, 5])
    assert names(scan(lab).recovered) == ["brain"]
    assert get().status == get().raw_properties == get().pending_hash == ""
    assert get().voxel_size == (5, 5, 5)


def test_a_directory_that_may_not_be_read_gets_a_status(
    lab: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    real = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path) == directory:
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    scan(lab)
    assert get().status == "Error: The site may not read the directory 'brain'. " + (
        "Grant it the right to."
    )


def test_a_name_that_is_not_utf8_is_told_and_the_rest_found(lab: Organization) -> None:
    on_disk.write_dataset(lab, "brain")
    (on_disk.organization_directory(lab) / os.fsdecode(b"caf\xe9")).mkdir()
    outcome = scan(lab)
    assert names(outcome.added) == ["brain"]
    assert len(outcome.problems) == 1
    assert "caf\\udce9" in outcome.problems[0]
    assert "not UTF-8" in outcome.problems[0]


def test_a_missing_mag_is_told_and_the_dataset_stays_usable(lab: Organization) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    on_disk.write_properties(directory, on_disk.layer(mags=[{"mag": 1}, {"mag": 2}]))
    (directory / "color" / "2").symlink_to("/nowhere")
    outcome = scan(lab)
    assert get().status == ""
    problems = [mag.problem for mag in get().layers.get().mags.all()]
    assert problems[0] == ""
    assert "The link '2' leads nowhere" in problems[1]
    assert [finding.text for finding in outcome.notes] == [problems[1]]
    assert not scan(lab).is_eventful

    (directory / "color" / "2").unlink()
    on_disk.write_mag(directory / "color" / "2", size=16)
    scan(lab)
    assert [mag.problem for mag in get().layers.get().mags.all()] == ["", ""]
    assert get().version == 2


def test_metadata_that_contradict_the_properties_are_a_problem_of_the_mag(
    lab: Organization,
) -> None:
    directory = on_disk.write_dataset(lab, "brain")
    on_disk.write_properties(directory, on_disk.layer(elementClass="uint16"))
    scan(lab)
    problem = get().layers.get().mags.get().problem
    assert "stored as uint8, but the properties say uint16" in problem


@pytest.mark.parametrize("path", ["{place}/color/1", "file://{place}/color/1", "../../far/color/1"])
def test_a_path_out_of_the_dataset_is_taken_where_the_operator_allows_the_place(
    lab: Organization, binary_data: Path, settings: Any, path: str
) -> None:
    place = binary_data / "far"
    on_disk.write_mag(place / "color" / "1")
    directory = on_disk.organization_directory(lab) / "brain"
    mags = [{"mag": 1, "path": path.format(place=place)}]
    on_disk.write_properties(directory, on_disk.layer(mags=mags))
    scan(lab)
    assert "leads out of the dataset" in get().status
    settings.ALLOWED_DATA_PATHS = [place]
    on_disk.write_properties(directory, on_disk.layer(mags=mags))
    scan(lab)
    assert get().status == ""
    assert get().layers.get().mags.get().problem == ""


def test_an_absolute_path_to_where_the_operators_link_leads_is_taken(
    lab: Organization, tmp_path: Path
) -> None:
    on_disk.write_mag(tmp_path / "cluster" / "1")
    directory = on_disk.organization_directory(lab) / "brain"
    directory.mkdir()
    (directory / "color").symlink_to(tmp_path / "cluster")
    mags = [{"mag": 1, "path": str(tmp_path / "cluster" / "1")}]
    on_disk.write_properties(directory, on_disk.layer(mags=mags))
    scan(lab)
    assert get().status == ""


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


class TestWithoutProperties:
    """Directories that nobody described."""

    @pytest.fixture
    def complete(self, lab: Organization, samples: Path) -> Path:
        directory = on_disk.organization_directory(lab) / "brain"
        shutil.copytree(samples / "simple_ng_dataset2", directory)
        return directory

    def test_what_is_complete_is_imported_and_written_down_once_it_is_quiet(
        self, lab: Organization, complete: Path
    ) -> None:
        on_disk.age(complete)
        assert names(scan(lab).added) == ["brain"]
        assert get().status == ""
        assert properties.read(complete / "datasource-properties.json") == load(get())
        assert not scan(lab).is_eventful

    def test_a_copy_in_progress_is_usable_but_not_yet_written_down(
        self, lab: Organization, complete: Path
    ) -> None:
        on_disk.age(complete, seconds=0)
        scan(lab)
        assert get().status == ""
        assert not (complete / "datasource-properties.json").exists()
        on_disk.age(complete)
        scan(lab)
        assert (complete / "datasource-properties.json").exists()

    def test_a_directory_that_can_only_be_read_works_from_the_tables(
        self, lab: Organization, complete: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        on_disk.age(complete)

        def refuse(*_: object) -> None:
            raise OSError(30, "Read-only file system")

        monkeypatch.setattr(reconcile.properties, "write", refuse)
        outcome = scan(lab)
        assert get().status == ""
        assert "Read-only file system" in outcome.notes[0].text
        assert not scan(lab).is_eventful

    def test_without_a_voxel_size_it_waits_with_what_was_inferred(self, lab: Organization) -> None:
        on_disk.write_mag(on_disk.organization_directory(lab) / "brain" / "color" / "1")
        assert names(scan(lab).not_imported) == ["brain"]
        assert get().status == NOT_IMPORTED
        assert [layer["name"] for layer in get().inferred_properties["dataLayers"]] == ["color"]
        assert get().inferred_properties["missing"] == ["voxel size"]
        assert not scan(lab).is_eventful

    def test_a_directory_of_something_else_waits_and_says_why(self, lab: Organization) -> None:
        directory = on_disk.organization_directory(lab) / "brain"
        directory.mkdir()
        (directory / "notes.txt").write_text("hello")
        scan(lab)
        assert get().status == NOT_IMPORTED
        assert "No data in a known format" in get().inferred_properties["problems"][0]

    def test_a_lost_properties_file_costs_nothing(self, lab: Organization) -> None:
        directory = on_disk.write_dataset(lab, "brain")
        scan(lab)
        (directory / "datasource-properties.json").unlink()
        outcome = scan(lab)
        assert get().status == ""
        assert get().layers.count() == 1
        assert "properties file is gone" in outcome.notes[-1].text
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


@pytest.mark.usefixtures("threads_may_write")
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
