"""View mode shows the voxels that are on disk, and what people change is seen, kept and shared."""

import json
import re
import shutil
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from datasets.models import Dataset
from tests.browser import data
from tests.browser.screen import (
    color_at,
    gray,
    picture,
    wait_for_color,
    wait_for_viewer,
    wait_until,
)
from tests.factories import make_user

ZOOM = 0.25  # voxels a pixel
# Up and left of the middle, where no axis line is drawn.
BESIDE = -20


def address(dataset: Dataset, **view: object) -> str:
    """View mode with one panel, so that the middle of the frame is the position."""
    said = {"layout": "xy", "zoom": ZOOM, **view}
    return f"/datasets/{dataset.slug}/view#{quote(json.dumps(said))}"


@pytest.mark.parametrize(
    "write", [data.write_wkw, data.write_zarr3_color, data.write_zarr3_z_fastest]
)
def test_gray_values_on_screen_are_the_voxels_on_disk(write, place, admin, new_page):
    dataset = place(write)
    page = new_page(admin)
    page.goto(address(dataset, position=[data.THRESHOLD, 32, 32]))
    wait_for_viewer(page)

    wait_for_color(page, BESIDE, BESIDE, gray(data.LEFT))
    wait_for_color(page, -BESIDE, BESIDE, gray(data.RIGHT))
    beyond = int((data.SIZE - data.THRESHOLD) / ZOOM) + 10
    assert color_at(page, beyond, BESIDE) == gray(0)


def test_a_box_with_an_offset_opens_at_its_own_centre(place, admin, new_page):
    dataset = place(data.write_wkw, offset=(100, 52, 10))
    page = new_page(admin)
    page.goto(address(dataset))
    wait_for_viewer(page)

    expect(page.get_by_label("Position", exact=True)).to_have_value("132, 84, 42")
    wait_for_color(page, BESIDE, BESIDE, gray(data.LEFT))
    wait_for_color(page, -BESIDE, BESIDE, gray(data.RIGHT))


def test_red_and_blue_of_a_photo_reach_the_screen(place, admin, new_page):
    page = new_page(admin)
    page.goto(address(place(data.write_rgb)))
    wait_for_viewer(page)

    wait_for_color(page, BESIDE, BESIDE, (200, 0, 0))
    wait_for_color(page, -BESIDE, BESIDE, (0, 0, 150))


def test_channels_have_colours_and_can_be_hidden(place, admin, new_page):
    page = new_page(admin)
    page.goto(address(place(data.write_channels)))
    wait_for_viewer(page)
    wait_for_color(page, BESIDE, BESIDE, (0, 200, 255))
    wait_for_color(page, -BESIDE, BESIDE, (255, 0, 200))

    page.get_by_label("Channel 1").uncheck()
    wait_for_color(page, -BESIDE, BESIDE, gray(0))
    wait_for_color(page, BESIDE, BESIDE, (0, 200, 255))


def test_what_is_set_in_the_panel_is_seen(place, admin, new_page):
    page = new_page(admin)
    page.goto(address(place(data.write_wkw)))
    wait_for_viewer(page)
    wait_for_color(page, BESIDE, BESIDE, gray(data.LEFT))

    page.get_by_label("Opacity in percent of color").fill("50")
    wait_for_color(page, BESIDE, BESIDE, gray(data.LEFT // 2))
    page.get_by_label("Opacity in percent of color").fill("100")

    page.get_by_role("spinbutton", name="Brightest value of color").fill("120")
    page.keyboard.press("Enter")
    wait_for_color(page, BESIDE, BESIDE, gray(128))

    page.get_by_label("Inversion of color").check()
    wait_for_color(page, BESIDE, BESIDE, gray(127))
    page.get_by_label("Inversion of color").uncheck()

    page.get_by_label("Colour of color").fill("#ff0000")
    wait_for_color(page, BESIDE, BESIDE, (128, 0, 0))

    page.get_by_label("Visibility of color").uncheck()
    wait_for_color(page, BESIDE, BESIDE, gray(0))


def test_segments_lie_over_the_image_as_opaque_as_asked(place, admin, new_page):
    page = new_page(admin)
    page.goto(address(place(data.write_zarr3)))
    wait_for_viewer(page)
    page.get_by_label("Visibility of color").uncheck()
    page.get_by_label("Opacity in percent of segmentation").fill("100")
    frame = wait_for_viewer(page)
    upper, lower = color_at(page, BESIDE, BESIDE), color_at(page, BESIDE, -BESIDE)
    assert upper != lower
    assert gray(0) not in {upper, lower}

    page.get_by_label("Opacity in percent of segmentation").fill("0")
    frame.wait_for_function("() => viewer.isReady()")
    wait_for_color(page, BESIDE, BESIDE, gray(0))


def test_changes_are_kept_for_the_person_and_can_be_reset(place, admin, lab, new_page):
    dataset = place(data.write_wkw)
    page = new_page(admin)
    page.goto(address(dataset))
    wait_for_viewer(page)
    with page.expect_response(lambda response: "view-configuration" in response.url):
        page.get_by_label("Opacity in percent of color").fill("50")

    page.goto("/")
    page.goto(address(dataset))
    wait_for_viewer(page)
    wait_for_color(page, BESIDE, BESIDE, gray(data.LEFT // 2))

    other = new_page(make_user(lab, is_admin=True))
    other.goto(address(dataset))
    wait_for_viewer(other)
    wait_for_color(other, BESIDE, BESIDE, gray(data.LEFT))

    with page.expect_response(lambda response: response.request.method == "DELETE"):
        page.get_by_role("button", name="Reset").click()
    page.goto("/")
    page.goto(address(dataset))
    wait_for_viewer(page)
    wait_for_color(page, BESIDE, BESIDE, gray(data.LEFT))


def test_a_saved_default_is_what_others_see(place, admin, lab, new_page):
    dataset = place(data.write_wkw)
    page = new_page(admin)
    page.goto(address(dataset, position=[10, 20, 30]))
    wait_for_viewer(page)
    page.get_by_label("Opacity in percent of color").fill("50")
    page.get_by_role("button", name="Save view configuration as default").click()
    page.get_by_text("Everybody who opens this dataset").wait_for()

    other = new_page(make_user(lab, is_admin=True))
    other.goto(f"/datasets/{dataset.slug}/view")
    wait_for_viewer(other)
    expect(other.get_by_label("Position", exact=True)).to_have_value("10, 20, 30")
    expect(other.get_by_label("Opacity in percent of color")).to_have_value("50")


def test_a_visitor_with_the_link_sees_the_same_view_without_an_account(place, admin, new_page):
    dataset = place(data.write_wkw)
    page = new_page(admin)
    page.goto(address(dataset, position=[data.THRESHOLD, 20, 30]))
    wait_for_viewer(page)
    page.get_by_label("Colour of color").fill("#00ff00")
    page.get_by_role("button", name="Share").click()
    page.get_by_label("Let people without an account view it").check()
    link = page.get_by_label("Link", exact=True)
    expect(link).to_have_value(re.compile("token="))
    shared = link.input_value()

    visitor = new_page()
    visitor.goto(shared.replace("token=", "token=x"))
    visitor.get_by_role("heading", name="There is nothing here").wait_for()
    visitor.goto(shared)
    wait_for_viewer(visitor)
    expect(visitor.get_by_label("Position", exact=True)).to_have_value("32, 20, 30")
    wait_for_color(visitor, BESIDE, BESIDE, (0, data.LEFT, 0))
    expect(visitor.get_by_role("button", name="Save view configuration")).to_have_count(0)


def test_the_position_can_be_typed(place, admin, new_page):
    page = new_page(admin)
    page.goto(address(place(data.write_wkw), position=[10, 32, 32]))
    wait_for_viewer(page)
    wait_for_color(page, 0, BESIDE, gray(data.LEFT))

    page.get_by_label("Position", exact=True).fill("50, 32, 32")
    page.keyboard.press("Enter")
    wait_for_color(page, 0, BESIDE, gray(data.RIGHT))


def test_four_panels_and_3d_draw_the_data_too(place, admin, new_page):
    page = new_page(admin)
    page.goto(address(place(data.write_wkw), layout="4panel"))
    wait_for_viewer(page)
    wait_until(
        lambda: {color for _, color in picture(page).getcolors(1 << 20)},
        {gray(data.LEFT), gray(data.RIGHT)}.issubset,
        "both halves",
    )

    page.get_by_role("button", name="3D").click()
    wait_until(lambda: share_of_grays(page), lambda share: share > 0.05, "planes in gray")


def share_of_grays(page) -> float:
    """How much of the viewer is neither background nor an axis; planes in 3D are shaded."""
    image = picture(page)
    grays = sum(n for n, (r, g, b) in image.getcolors(1 << 20) if r == g == b and r > 30)
    return grays / (image.width * image.height)


def test_data_that_is_gone_is_explained_outside_of_the_viewer(place, admin, settings, new_page):
    dataset = place(data.write_wkw)
    shutil.rmtree(settings.BINARY_DATA_DIR / dataset.organization_id / "sample" / "color")
    page = new_page(admin)
    page.goto(address(dataset))
    page.get_by_role("heading", name="This can't be shown").wait_for()
