"""What view mode says when something is wrong: where, how often, and without moving the picture."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from datasets.disk.scan import scan_organization
from tests.browser import data
from tests.browser.screen import BESIDE, address, gray, wait_for_color, wait_for_viewer


@pytest.mark.parametrize("write", [data.write_wkw_damaged, data.write_zarr3_damaged])
def test_a_chunk_that_cannot_be_read_is_told_once_for_its_layer(write, place, admin, new_page):
    dataset = place(write)
    page = new_page(admin)
    page.goto(address(dataset, position=[32, 32, 32]))
    page.wait_for_selector("[data-viewer=ready]")
    notice = page.locator("[data-messages]").get_by_text(
        "A part of layer 'color' can't be read in mag 1;"
    )
    expect(notice).to_have_count(1)
    expect(notice).to_contain_text(re.compile("can't be used|cut|truncated", re.IGNORECASE))
    expect(notice).to_contain_text("reload the page")

    frame = page.locator("iframe")
    with_notice = frame.bounding_box()
    close = page.get_by_role("button", name="Hide this message")
    close.focus()
    page.keyboard.press("Enter")
    expect(notice).to_have_count(0)
    assert frame.bounding_box() == with_notice

    page.get_by_role("button", name="4 panels").click()
    expect(notice).to_have_count(0)
    expect(page.get_by_label("Layers").get_by_text("can't be read")).to_be_visible()


def test_whole_chunks_beside_a_damaged_one_are_shown(place, admin, new_page):
    page = new_page(admin)
    page.goto(address(place(data.write_zarr3_damaged), position=[32, 32, 32]))
    page.wait_for_selector("[data-viewer=ready]")
    wait_for_color(page, BESIDE, BESIDE, gray(data.LEFT))
    wait_for_color(page, -BESIDE, BESIDE, gray(data.RIGHT))
    wait_for_color(page, -BESIDE, -BESIDE, gray(0))


def test_data_that_vanishes_while_it_is_viewed_is_told(place, admin, lab, settings, new_page):
    dataset = place(data.write_wkw)
    page = new_page(admin)
    page.goto(address(dataset))
    wait_for_viewer(page)
    shutil.rmtree(settings.BINARY_DATA_DIR / lab.pk / "sample")
    scan_organization(lab)
    notice = page.locator("[data-messages] [data-message]")
    expect(notice).to_have_count(1)  # the page looks every 15 s


@pytest.mark.parametrize(
    ("field", "nonsense", "expected", "right"),
    [
        ("Position", "here", "three numbers x, y, z in voxels", "1, 2, 3"),
        ("Position", "1, 2", "three numbers x, y, z in voxels", "1, 2, 3"),
        ("Zoom", "0", "a number above 0", "0.5"),
        ("Zoom", "", "a number above 0", "0.5"),
    ],
)
def test_a_field_says_what_it_expects(field, nonsense, expected, right, place, admin, new_page):
    page = new_page(admin)
    page.goto(address(place(data.write_wkw)))
    wait_for_viewer(page)
    frame_before = page.locator("iframe").bounding_box()
    typed = page.get_by_label(field, exact=True)
    typed.fill(nonsense)
    page.keyboard.press("Enter")
    expect(typed).to_have_attribute("aria-invalid", "true")
    expect(typed).to_have_accessible_description(re.compile(expected))
    expect(page.get_by_text(expected)).to_be_visible()
    assert page.locator("iframe").bounding_box() == frame_before

    typed.fill(right)
    page.keyboard.press("Enter")
    expect(typed).to_have_attribute("aria-invalid", "false")
    expect(page.get_by_text(expected)).to_be_hidden()


def test_the_wheel_over_the_panel_moves_nothing_in_the_viewer(place, admin, new_page):
    page = new_page(admin)
    page.goto(address(place(data.write_zarr3)))
    frame = wait_for_viewer(page)
    place_of = "() => JSON.stringify([...viewer.position.value])"
    before = frame.evaluate(place_of)
    panel = page.get_by_label("Layers")
    for _ in range(8):  # to its end and further
        panel.hover()
        page.mouse.wheel(0, 200)
    page.get_by_label("Opacity in percent of color").focus()
    page.get_by_label("Opacity in percent of color").hover()
    page.mouse.wheel(0, 200)
    # An answer of the frame to a wheel comes after all that was sent before it.
    page.locator("iframe").hover()
    page.mouse.wheel(0, 100)
    frame.wait_for_function(f"before => ({place_of})() !== before", arg=before)
    assert abs(frame.evaluate("() => viewer.position.value[2]") - 32) <= 1  # its one step


def test_data_that_is_gone_is_explained_outside_of_the_viewer(place, admin, settings, new_page):
    dataset = place(data.write_wkw)
    shutil.rmtree(settings.BINARY_DATA_DIR / dataset.organization_id / "sample" / "color")
    page = new_page(admin)
    page.goto(address(dataset))
    page.get_by_role("heading", name="This can't be shown").wait_for()
