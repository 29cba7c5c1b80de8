"""The list of datasets, as a person uses it: columns, tags, thumbnails, scans, sharing links."""

import itertools

import pytest
from django.conf import settings
from playwright.sync_api import Route, expect

from conversion import runner
from conversion.models import Job
from datasets.models import Dataset, Tag
from sharing.models import SharingLink
from tests.browser import data
from tests.factories import make_dataset

COLUMNS = ["Thumbnail", "Name", "Tags", "Folder", "Voxel size", "Status", "Created"]


def tag(dataset: Dataset, *words: str) -> None:
    for word in words:
        entry, _ = Tag.objects.get_or_create(organization=dataset.organization, name=word)
        dataset.tags.add(entry)


@pytest.mark.parametrize("width", [1280, 768])
def test_every_column_is_there_and_labelled(place, admin, new_page, width):
    dataset = place(data.write_zarr3)
    tag(dataset, "em")
    page = new_page(admin, width=width)
    table = page.get_by_role("table", name="Datasets")
    heads = table.get_by_role("columnheader").all_text_contents()
    assert [head.strip() for head in heads[: len(COLUMNS)]] == COLUMNS
    row = table.locator("tbody tr")
    for label in COLUMNS:
        expect(row.locator(f"[data-label='{label}']")).to_be_visible()
    for text in ("em", "Datasets", "Ready"):
        expect(row.get_by_text(text, exact=True)).to_be_visible()
    expect(row.locator("time")).to_be_visible()
    labels = row.locator("[data-label='Status']").evaluate(
        "cell => getComputedStyle(cell, '::before').content"
    )
    assert labels == ("none" if width == 1280 else '"Status"')
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1280, 768])
def test_a_long_status_breaks_no_folder_and_has_the_room_there_is(lab, admin, new_page, width):
    status = "Error: " + "Layer 'color', mag 1 lies outside of the allowed paths. " * 2
    make_dataset(lab, name="a dataset with a name of some length", status=status)
    page = new_page(admin, width=width)
    folder = page.locator("[data-label='Folder'] .folder-path")
    lines = folder.evaluate(
        "cell => { const words = document.createRange(); words.selectNodeContents(cell.lastChild);"
        "  return words.getClientRects().length }"
    )
    assert lines == 1
    cell = page.locator("[data-label='Status']")
    if width == 768:
        row = page.locator("[data-row]").bounding_box()
        assert cell.bounding_box()["width"] > 0.7 * row["width"]
        assert cell.locator(".state-text").evaluate(
            "text => text.scrollHeight <= text.clientHeight"
        )


def test_a_click_on_tags_narrows_the_list_to_those_that_have_all_of_them(lab, admin, new_page):
    both, one = make_dataset(lab, name="both"), make_dataset(lab, name="one")
    make_dataset(lab, name="none")
    tag(both, "em", "cortex")
    tag(one, "em")
    page = new_page(admin)
    rows = page.locator("[data-row]")
    expect(rows).to_have_count(3)
    rows.filter(has_text="one").get_by_role("link", name="em").click()
    expect(rows).to_have_count(2)
    rows.filter(has_text="both").get_by_role("link", name="cortex").click()
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="Stop filtering by the tag em").click()
    page.get_by_role("link", name="Stop filtering by the tag cortex").click()
    expect(rows).to_have_count(3)


def test_a_thumbnail_that_is_refused_comes_later_and_keeps_its_place(place, admin, new_page):
    place(data.write_wkw)
    page = new_page(admin)
    asked = itertools.count()

    def busy_at_first(route: Route) -> None:
        if next(asked) == 0:
            route.fulfill(status=503, body="busy")
        else:
            route.continue_()

    page.route("**/thumbnail?*", busy_at_first)
    page.goto("/")
    image = page.locator("img.thumbnail")
    box = image.locator("..").bounding_box()
    expect(image.locator("..")).to_have_class("thumbnail-frame is-settled")
    assert image.evaluate("image => image.naturalWidth") > 0
    assert image.locator("..").bounding_box() == box


def test_a_scan_tells_where_it_was_asked_for_how_it_goes_and_the_list_follows(
    lab, admin, place, new_page
):
    place(data.write_wkw, "first")
    page = new_page(admin)
    page.get_by_label("More ways to refresh").click()
    folder = settings.BINARY_DATA_DIR / lab.pk / "second"
    folder.mkdir()
    data.write_zarr3(folder)
    broken = settings.BINARY_DATA_DIR / lab.pk / "third"
    broken.mkdir()
    (broken / "datasource-properties.json").write_text("{")
    page.get_by_role("button", name="Scan disk for new datasets").click()
    message = page.locator("[data-message]")
    expect(message).to_contain_text("waiting for a worker")
    expect(page.locator("[data-row]")).to_have_count(1)

    job = Job.objects.get(organization=lab)
    runner.run(job.pk)
    expect(message).to_contain_text("Looked at 3 datasets: 1 new, 1 broken.")
    expect(message).to_have_class("alert alert-warning")
    expect(page.locator("[data-row]")).to_have_count(3)
    message.get_by_role("link", name="See what is wrong").click()
    page.wait_for_url(f"**/jobs/{job.pk}")


def test_links_are_made_and_revoked_in_a_dialog(lab, admin, new_page):
    dataset = make_dataset(lab, name="retina")
    page = new_page(admin)
    page.get_by_label("More for retina").click()
    page.get_by_role("link", name="Sharing links").click()
    dialog = page.get_by_role("dialog", name="Sharing links")
    dialog.get_by_label("Name", exact=True).fill("Reviewers")
    dialog.get_by_label("Works until").fill("2001-01-01")
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.get_by_role("alert")).to_contain_text("2001-01-01 is over")
    dialog.get_by_label("Works until").fill("")
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.get_by_role("status")).to_contain_text("The link 'Reviewers' was made.")
    address = dialog.get_by_label("Address of Reviewers").input_value()
    assert f"/datasets/{dataset.slug}/view?token=" in address

    questions = []
    page.on("dialog", lambda question: (questions.append(question.message), question.accept()))
    dialog.get_by_role("button", name="Revoke the link Reviewers").click()
    expect(dialog.get_by_text("There is no sharing link yet.")).to_be_visible()
    assert len(questions) == 1
    assert not SharingLink.objects.usable().exists()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
