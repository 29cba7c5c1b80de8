"""The pages around the viewer, as a person meets them."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import expect

from datasets.models import Dataset
from tests.browser import data
from tests.factories import make_dataset, make_user


def test_a_person_signs_in_searches_opens_and_signs_out(place, admin, lab, new_page):
    place(data.write_wkw, "retina_em")
    make_dataset(lab, name="liver", status=Dataset.Status.NOT_IMPORTED)
    page = new_page(admin)
    expect(page.get_by_role("row")).to_have_count(3)

    page.get_by_role("searchbox").fill("RETINA")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row")).to_have_count(2)
    thumbnail = page.locator("img.thumbnail")
    thumbnail.evaluate("image => image.decode()")
    assert thumbnail.evaluate("image => image.naturalWidth") > 0

    page.get_by_role("link", name="retina_em").click()
    page.wait_for_url(re.compile("/view$"))

    page.locator("summary", has_text="Ada").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/auth/login"))


def test_the_whole_list_can_be_used_with_the_keyboard(place, admin, new_page):
    place(data.write_wkw)
    page = new_page(admin)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()

    more = page.locator("summary[aria-label='More for sample']")
    more.focus()
    page.keyboard.press("Enter")
    details = page.get_by_role("link", name="Details")
    page.keyboard.press("Tab")
    expect(details).to_be_focused()
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()
    expect(more).to_be_focused()


def test_the_theme_follows_the_system_until_a_person_chooses(admin, new_page):
    page = new_page(admin, scheme="dark")
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(html).to_have_attribute("data-bs-theme", "light")
    page.reload()
    expect(html).to_have_attribute("data-bs-theme", "light")


def test_a_row_shows_how_far_its_work_is_without_being_reloaded(lab, admin, new_page):
    dataset = make_dataset(
        lab, status=Dataset.Status.NOT_UPLOADED, job_stage="Converting", job_percentage=10.0
    )
    page = new_page(admin)
    expect(page.get_by_text("Converting · 10 %")).to_be_visible()
    Dataset.objects.filter(pk=dataset.pk).update(job_percentage=63.0)
    expect(page.get_by_text("Converting · 63 %")).to_be_visible()


def test_nothing_is_wider_than_a_narrow_screen(place, admin, new_page):
    dataset = place(data.write_zarr3)
    page = new_page(admin, width=768)
    for address in ("/", f"/datasets/{dataset.slug}", f"/datasets/{dataset.slug}/view"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 768, address


def test_everything_that_a_page_needs_comes_from_this_server(place, admin, live_server, new_page):
    dataset = place(data.write_zarr3)
    page = new_page(admin)
    hosts = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.goto(f"/datasets/{dataset.slug}/view")
    page.wait_for_selector("[data-viewer=ready]")
    assert hosts == {urlsplit(live_server.url).netloc}


def test_data_without_properties_is_imported_by_saying_its_voxel_size(lab, admin, place, new_page):
    def without_properties(folder) -> None:
        data.write_wkw(folder)
        (folder / "datasource-properties.json").unlink()

    place(without_properties, "bare")
    page = new_page(admin)
    page.get_by_role("link", name="Import").click()
    for axis, length in zip("xyz", ("11.24", "11.24", "25"), strict=True):
        page.get_by_label(axis, exact=True).fill(length)
    page.get_by_role("button", name="Import").click()
    page.get_by_text("'bare' was imported.").wait_for()
    expect(page.get_by_text("11.24 × 11.24 × 25 nm")).to_be_visible()  # noqa: RUF001


def test_a_member_sees_no_tools_of_editors(lab, new_page):
    make_dataset(lab, is_public=True, name="open to all")
    page = new_page(make_user(lab, first_name="Mia"))
    expect(page.get_by_role("link", name="open to all")).to_be_visible()
    expect(page.get_by_text("Scan disk for new datasets")).to_have_count(0)
    expect(page.get_by_role("link", name="People")).to_have_count(0)


def test_scripts_are_told_of_the_api_and_can_try_it(admin, new_page, live_server):
    page = new_page(admin)
    page.goto(f"{live_server.url}/api/docs")
    call = page.locator(".opblock-summary", has_text="/api/buildinfo").first
    call.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table .highlight-code").first
    expect(answer).to_contain_text('"httpApiVersioning"')
