"""Datasets on disk, through the pages: reload, a waiting change, import."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from datasets.disk.scan import scan_organization
from datasets.models import Dataset
from tests.browser.data import write_wkw
from tests.factories import make_user


@pytest.fixture
def folder(lab) -> Iterator[Path]:
    folder = settings.BINARY_DATA_DIR / lab.pk / "sample"
    folder.mkdir(parents=True)
    write_wkw(folder)
    yield folder
    shutil.rmtree(folder.parent)


@pytest.fixture
def dataset(lab, folder) -> Dataset:
    scan_organization(lab)
    return Dataset.objects.get(organization=lab)


def rescale(folder: Path, factor: list[float]) -> None:
    path = folder / "datasource-properties.json"
    properties = json.loads(path.read_text())
    properties["scale"]["factor"] = factor
    path.write_text(json.dumps(properties))


@pytest.fixture
def changed(dataset, folder, admin, signed_in):
    rescale(folder, [4, 4, 40])
    client = signed_in(admin)
    client.post(f"/datasets/{dataset.pk}/reload")
    dataset.refresh_from_db()
    return client


def test_a_change_on_disk_waits_and_is_shown_in_full_and_as_difference(dataset, changed):
    page = changed.get(f"/datasets/{dataset.pk}").context["pending"]
    (difference,) = json.loads(page["difference"])
    assert difference["path"] == "scale.factor"
    assert (difference["old"], difference["new"]) == ([10, 10, 10], [4, 4, 40])
    assert json.loads(page["settings"])["scale"]["factor"] == [4, 4, 40]
    assert dataset.voxel_size == (10, 10, 10)


def test_applying_takes_the_settings_that_were_shown(dataset, changed):
    answer = changed.post(
        f"/datasets/{dataset.pk}/apply", {"pending_hash": dataset.pending_hash}, follow=True
    )
    assert "are now those found on disk" in answer.content.decode()
    dataset.refresh_from_db()
    assert dataset.voxel_size == (4, 4, 40)


def test_applying_what_has_changed_again_is_refused_with_a_sentence(dataset, changed, folder):
    rescale(folder, [5, 5, 50])
    answer = changed.post(
        f"/datasets/{dataset.pk}/apply", {"pending_hash": dataset.pending_hash}, follow=True
    )
    assert "have changed again" in answer.content.decode()
    dataset.refresh_from_db()
    assert dataset.voxel_size == (10, 10, 10)


def test_dismissing_keeps_the_settings(dataset, changed):
    answer = changed.post(
        f"/datasets/{dataset.pk}/dismiss", {"pending_hash": dataset.pending_hash}, follow=True
    )
    assert answer.context["pending"] is None
    dataset.refresh_from_db()
    assert dataset.voxel_size == (10, 10, 10)


def test_reload_goes_back_to_the_list_but_to_no_other_site(dataset, admin, signed_in):
    client = signed_in(admin)
    address = f"/datasets/{dataset.pk}/reload"
    assert client.post(address, {"next": "/?q=x"}).headers["Location"] == "/?q=x"
    elsewhere = client.post(address, {"next": "https://elsewhere.example/"})
    assert elsewhere.headers["Location"] == f"/datasets/{dataset.slug}"


@pytest.fixture
def bare(lab, folder) -> Dataset:
    (folder / "datasource-properties.json").unlink()
    scan_organization(lab)
    return Dataset.objects.get(organization=lab)


SIZE = {"x": "11.24", "y": "11.24", "z": "25", "unit": "nanometer"}


def test_import_asks_for_what_could_not_be_inferred(bare, admin, signed_in):
    client = signed_in(admin)
    page = client.get(f"/datasets/{bare.pk}/import").content.decode()
    assert "Layer color" in page
    assert "128 \u00d7 128 \u00d7 128 voxels" in page

    said = {**SIZE, "layer0-category": "segmentation", "layer0-largest_segment_id": "180"}
    answer = client.post(f"/datasets/{bare.pk}/import", said)
    assert answer.headers["Location"] == f"/datasets/{bare.slug}"
    bare.refresh_from_db()
    assert (bare.status, bare.voxel_size) == ("", (11.24, 11.24, 25))
    layer = bare.layers.get()
    assert (layer.category, layer.largest_segment_id) == ("segmentation", 180)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"x": ""}, "This field is required."),
        ({"x": "-1"}, "greater than or equal to 0"),
        ({"x": "0"}, "voxel size"),
        ({"layer0-category": "segmentation", "layer0-largest_segment_id": "300"}, "300"),
    ],
)
def test_wrong_answers_are_said_beside_the_form(bare, admin, signed_in, wrong, said):
    answers = {**SIZE, "layer0-category": "color", **wrong}
    answer = signed_in(admin).post(f"/datasets/{bare.pk}/import", answers)
    assert answer.status_code == 400
    assert said.lower() in answer.content.decode().lower()
    bare.refresh_from_db()
    assert bare.status == Dataset.Status.NOT_IMPORTED


def test_only_editors_import(bare, lab, signed_in):
    bare.is_public = True
    bare.save()
    assert signed_in(make_user(lab)).get(f"/datasets/{bare.pk}/import").status_code == 403


def test_an_imported_dataset_is_not_asked_for_again(dataset, admin, signed_in):
    answer = signed_in(admin).get(f"/datasets/{dataset.pk}/import", follow=True)
    assert "is not waiting to be imported" in answer.content.decode()
