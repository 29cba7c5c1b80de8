"""What lies wrong on disk gives a clear status, and the rest keeps working."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasets import properties
from datasets.disk.outcome import Outcome
from sharing.models import Organization
from tests.datasets.disk import on_disk
from tests.datasets.disk.scanning import get, names, scan


def data_source_problems(directory: Path) -> list[str]:
    return properties.problems(properties.read(directory / "datasource-properties.json"))


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
    assert outcome.problems == [
        r"The directory 'caf\xe9' was skipped: its name is not UTF-8. Rename it."
    ]


def test_names_in_a_dataset_that_are_not_utf8_are_told_by_their_bytes(
    lab: Organization, tmp_path: Path
) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    directory = on_disk.write_dataset(lab, "brain")
    (directory / "color" / "1").rename(odd)
    (directory / "color" / "1").symlink_to(odd)
    bare = on_disk.organization_directory(lab) / "bare"
    (bare / os.fsdecode(b"\xff layer")).mkdir(parents=True)
    (bare / os.fsdecode(b"\xfe")).symlink_to("nowhere")
    outcome = scan(lab)
    assert outcome.has_trouble is False
    problem = get().layers.get().mags.get().problem
    assert problem.startswith(f"Layer 'color', mag 1: Its path '{tmp_path}/caf\\xe9' has a name")
    problems = get("bare").inferred_properties["problems"]
    assert any(r"The folder '\xff layer' in '.' is left out" in text for text in problems)
    assert any(r"The link '\xfe' in '.' can't be followed" in text for text in problems)
    assert Outcome.from_json(json.loads(json.dumps(outcome.as_json()))) == outcome


@pytest.mark.parametrize("linked", ["dataset", "properties", "mag"])
def test_no_link_makes_the_sites_own_files_data(
    lab: Organization, tmp_path: Path, settings: Any, linked: str
) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "demo.json").write_text('{"password": "secret"}')
    directory = on_disk.write_dataset(lab, "brain")
    place = {
        "dataset": directory,
        "properties": directory / "datasource-properties.json",
        "mag": directory / "color" / "1",
    }[linked]
    place.rename(directory.parent / ".before")
    place.symlink_to(tmp_path / "demo.json" if linked == "properties" else tmp_path)
    outcome = scan(lab)
    assert "secret" not in json.dumps(outcome.as_json()) + get().raw_properties
    text = get().layers.get().mags.get().problem if linked == "mag" else get().status
    assert "the site's own files" in text
    assert (get().status == "") is (linked == "mag")


def test_what_holds_for_many_layers_is_said_once(lab: Organization) -> None:
    directory = on_disk.organization_directory(lab) / "brain"
    layers = [on_disk.layer(f"layer{number}", size=0) for number in range(16)]
    on_disk.write_properties(directory, *layers)
    scan(lab)
    assert get().status == (
        "Error: Layer 'layer0' has an empty bounding box (size 0, 0, 0); set width, height and "
        "depth to at least 1. The same holds for the layers 'layer1', 'layer2' and 13 more."
    )


def test_a_long_status_ends_with_a_whole_word(lab: Organization) -> None:
    directory = on_disk.organization_directory(lab) / "brain"
    layers = [on_disk.layer(f"layer{number}", size=-number) for number in range(20)]
    on_disk.write_properties(directory, *layers)
    scan(lab)
    assert 1000 < len(get().status) <= 1024
    assert get().status.endswith(" …")
    words = get().status.removesuffix(" …").split()
    whole = set(" ".join(data_source_problems(directory)).split())
    assert set(words[1:]) <= whole


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


def test_a_dataset_at_which_the_code_fails_stops_no_scan(
    lab: Organization, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    on_disk.write_mag(on_disk.organization_directory(lab) / "odd" / "color" / "1")
    on_disk.write_dataset(lab, "good")

    def fail(*_: object) -> None:
        raise IndexError("tuple index out of range")

    monkeypatch.setattr("datasets.disk.examine.infer", fail)
    outcome = scan(lab)
    assert names(outcome.added) == ["good"]
    assert names(outcome.broken) == ["odd"]
    status = get("odd").status
    (record,) = [record for record in caplog.records if "odd" in record.getMessage()]
    reference = status.partition("reference ")[2].partition(":")[0]
    assert len(reference) == 8
    assert reference in record.getMessage()
    assert scan(lab).broken == []
