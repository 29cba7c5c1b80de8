"""Datasets on disk, through the pages: reload, a waiting change, import."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from datasets.disk.scan import scan_organization
from datasets.models import Dataset, DiskScan
from datasets.properties import BoundingBox, LengthUnit, VoxelSize
from datasets.services import importing
from datasets.services.importing import LayerAnswers
from sharing.access import actor_for
from sharing.errors import Invalid
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


def test_the_values_that_changed_come_before_the_rest_which_is_folded(
    dataset, folder, admin, signed_in
):
    path = folder / "datasource-properties.json"
    properties = json.loads(path.read_text())
    properties["dataLayers"][0]["boundingBox"]["width"] = 63
    properties["dataLayers"][0]["defaultViewConfiguration"] = {"alpha": 40, "color": [1, 2, 3]}
    properties["dataLayers"] += [{**properties["dataLayers"][0], "name": "another"}]
    path.write_text(json.dumps(properties))
    client = signed_in(admin)
    client.post(f"/datasets/{dataset.pk}/reload")
    answer = client.get(f"/datasets/{dataset.pk}")
    page, pending = answer.content.decode(), answer.context["pending"]
    # The shortest first: a new layer brings a page of JSON.
    assert [change.path for change in pending["changes"]] == [
        "dataLayers.color.boundingBox.width",
        "dataLayers.color.defaultViewConfiguration",
        "dataLayers.another",
    ]
    first, second, last = pending["changes"]
    assert (first.old, first.new, first.is_long) == ("64", "63", False)
    assert (second.old, second.new) == ("", '{"alpha": 40, "color": [1, 2, 3]}')
    assert last.is_long
    section = page[page.index('id="changes"') :]
    order = [section.index(text) for text in ("boundingBox.width", "<details", "<pre")]
    assert order == sorted(order)


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


def test_lost_mags_are_counted_where_the_status_stands_and_told_on_reload(
    dataset, folder, admin, signed_in
):
    client = signed_in(admin)
    layer = dataset.layers.get()
    (folder / layer.name / layer.mags.get().literal).rename(folder / "elsewhere")
    page = client.post(f"/datasets/{dataset.pk}/reload", follow=True).content.decode()
    words = "Ready, 1 mag can&#x27;t be read"
    assert "1 mag can&#x27;t be read; its page says why." in page
    for shown in (page, client.get("/").content.decode()):
        assert words in shown.replace("can't", "can&#x27;t")
        assert f"/datasets/{dataset.slug}#layers-heading" in shown
    assert "Mag 1: Layer" not in page
    (folder / "elsewhere").rename(folder / layer.name / layer.mags.get().literal)
    page = client.post(f"/datasets/{dataset.pk}/reload", follow=True).content.decode()
    assert "was read anew from disk." in page
    assert "be read" not in page.replace("may not be read", "")


def test_reload_tells_of_a_waiting_difference_and_of_a_fault(dataset, folder, admin, signed_in):
    client = signed_in(admin)
    rescale(folder, [4, 4, 40])
    page = client.post(f"/datasets/{dataset.pk}/reload", follow=True).content.decode()
    assert "settings were changed on disk; its page shows the difference" in page
    (folder / "datasource-properties.json").write_text("{")
    page = client.post(f"/datasets/{dataset.pk}/reload", follow=True).content.decode()
    assert "It can&#x27;t be used: Error: Invalid json format" in page


def test_a_dismissed_difference_leaves_a_trace_and_can_be_looked_at_again(
    dataset, changed, folder, lab, member
):
    address = f"/datasets/{dataset.pk}"
    changed.post(f"{address}/dismiss", {"pending_hash": dataset.pending_hash})
    assert "not those in use" in changed.get(address).content.decode()
    # Another change and back again: the file is once more the one that was dismissed.
    for factor in ([5, 5, 50], [4, 4, 40]):
        rescale(folder, factor)
        scan_organization(lab)
    assert changed.get(address).context["pending"] is None

    page = changed.post(f"{address}/reconsider", follow=True)
    (difference,) = json.loads(page.context["pending"]["difference"])
    assert difference["new"] == [4, 4, 40]
    rescale(folder, [10, 10, 10])
    scan_organization(lab)
    assert "not those in use" not in changed.get(address).content.decode()


def test_last_seen_is_the_last_scan_that_found_it(dataset, folder, lab, admin, signed_in):
    client = signed_in(admin)
    address = f"/datasets/{dataset.pk}"
    scan_organization(lab)
    finished = DiskScan.objects.get(organization=lab).finished
    assert client.get(address).context["last_seen"] == finished
    folder.rename(folder.with_name(".away"))
    scan_organization(lab)
    assert client.get(address).context["last_seen"] == finished
    folder.with_name(".away").rename(folder)
    scan_organization(lab)
    assert client.get(address).context["last_seen"] > finished


@pytest.fixture
def bare(lab, folder) -> Dataset:
    (folder / "datasource-properties.json").unlink()
    scan_organization(lab)
    return Dataset.objects.get(organization=lab)


def test_facts_are_in_plain_words(bare, admin, signed_in):
    page = signed_in(admin).get(f"/datasets/{bare.pk}").content.decode()
    assert "a scan of the disk" in page
    assert "\u2013 voxels" not in page


SIZE = {"x": "11.24", "y": "11.24", "z": "25", "unit": "nanometer"}
BOX = {
    **{f"layer0-min_{axis}": "0" for axis in "xyz"},
    **{f"layer0-{name}": "128" for name in ("width", "height", "depth")},
}
ANSWERS = {**SIZE, **BOX, "layer0-category": "color"}


def test_import_asks_for_what_could_not_be_inferred(bare, admin, signed_in):
    client = signed_in(admin)
    page = client.get(f"/datasets/{bare.pk}/import").content.decode()
    assert "Layer color" in page
    assert "128 \u00d7 128 \u00d7 128 voxels" in page

    said = {**ANSWERS, "layer0-category": "segmentation", "layer0-largest_segment_id": "180"}
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
        ({"x": "-1"}, "Give a number above 0."),
        ({"x": "0"}, "Give a number above 0."),
        ({"x": "nan"}, "Enter a number."),
        *(
            (
                {"layer0-category": "segmentation", "layer0-largest_segment_id": number},
                "Give a whole number from 0 to 255.",
            )
            for number in ("256", "-1", "1.5", "many")
        ),
        ({"layer0-width": "0"}, "Give a whole number from 1 to 1099511627776."),
        ({"layer0-depth": ""}, "This field is required."),
        ({"layer0-min_x": "2.5"}, "Give a whole number from -1099511627776 to"),
        ({"layer0-min_x": str(10**30)}, "Give a whole number from -1099511627776 to"),
        (
            {"layer0-min_z": "1"},
            "lies in 128 \u00d7 128 \u00d7 128 voxels from 0, 0, 0; keep it within.",
        ),
    ],
)
def test_wrong_answers_are_said_beside_the_form(bare, admin, signed_in, wrong, said):
    answer = signed_in(admin).post(f"/datasets/{bare.pk}/import", {**ANSWERS, **wrong})
    assert answer.status_code == 400
    assert said.lower() in answer.content.decode().lower()
    bare.refresh_from_db()
    assert bare.status == Dataset.Status.NOT_IMPORTED


def test_the_box_of_whole_wkw_files_is_cut_to_where_the_voxels_are(bare, admin, signed_in):
    client = signed_in(admin)
    (form,) = client.get(f"/datasets/{bare.pk}/import").context["layers"]
    assert form.asks_for_box
    shown = [[field.value() for field in row] for row in form.box_rows]
    assert shown == [[0, 0, 0], [128, 128, 128]]
    corrected = {"layer0-min_x": "2", "layer0-width": "62", "layer0-height": "64"}
    client.post(f"/datasets/{bare.pk}/import", {**ANSWERS, **corrected})
    layer = bare.layers.get()
    assert (layer.min_x, layer.min_y, layer.min_z) == (2, 0, 0)
    assert (layer.width, layer.height, layer.depth) == (62, 64, 128)


def test_the_service_too_keeps_a_box_within_the_data(bare, admin):
    box = BoundingBox.of((100, 0, 0), (29, 1, 1))
    with pytest.raises(Invalid, match="reaches beyond its data"):
        importing.import_dataset(
            actor=actor_for(admin),
            dataset=bare,
            voxel_size=VoxelSize(factor=(1, 1, 1)),
            layers={"color": LayerAnswers(bounding_box=box)},
        )
    bare.refresh_from_db()
    assert bare.status == Dataset.Status.NOT_IMPORTED


def test_a_largest_id_is_asked_for_segmentations_only(bare, admin, signed_in):
    client = signed_in(admin)
    address = f"/datasets/{bare.pk}/import"
    assert "<div data-segments hidden>" in client.get(address).content.decode()
    said = {**ANSWERS, "x": "", "layer0-category": "segmentation"}
    assert "<div data-segments>" in client.post(address, said).content.decode()
    # What was typed before the choice of color is neither judged nor taken.
    answer = client.post(address, {**ANSWERS, "layer0-largest_segment_id": "-7"})
    assert answer.status_code == 302
    assert bare.layers.get().largest_segment_id is None


def test_the_usual_units_come_first(bare, admin, signed_in):
    form = signed_in(admin).get(f"/datasets/{bare.pk}/import").context["voxel_size"]
    *usual, (title, others) = form.fields["unit"].choices
    assert [unit for unit, _ in usual] == ["nanometer", "micrometer", "millimeter", "angstrom"]
    assert title == "Other units"
    assert len(usual) + len(others) == len(LengthUnit)


def test_a_directory_that_holds_nothing_to_import_offers_none(lab, folder, admin, signed_in):
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "notes.txt").write_text("hello")
    scan_organization(lab)
    dataset = Dataset.objects.get(organization=lab)
    client = signed_in(admin)
    for address in (f"/datasets/{dataset.slug}", "/"):
        page = client.get(address).content.decode()
        assert "no data in a known format was found" in page
        assert f"/datasets/{dataset.slug}/import" not in page
    advice = client.get(f"/datasets/{dataset.slug}").context["advice"]
    assert advice.startswith("Looked for were a datasource-properties.json")
    assert "is not waiting to be imported" in (
        client.get(f"/datasets/{dataset.slug}/import", follow=True).content.decode()
    )

    write_wkw(folder)
    (folder / "datasource-properties.json").unlink()
    scan_organization(lab)
    assert f"/datasets/{dataset.slug}/import" in client.get("/").content.decode()


def test_only_editors_import(bare, lab, signed_in):
    bare.is_public = True
    bare.save()
    assert signed_in(make_user(lab)).get(f"/datasets/{bare.pk}/import").status_code == 403


def test_an_imported_dataset_is_not_asked_for_again(dataset, admin, signed_in):
    answer = signed_in(admin).get(f"/datasets/{dataset.pk}/import", follow=True)
    assert "is not waiting to be imported" in answer.content.decode()
