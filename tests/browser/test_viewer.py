"""View mode shows the voxels that are on disk, as the panel and the bar say."""

import pytest
from playwright.sync_api import expect

from tests.browser import data
from tests.browser.screen import (
    BESIDE,
    ZOOM,
    address,
    color_at,
    gray,
    is_near,
    picture,
    wait_for_color,
    wait_for_viewer,
    wait_until,
)


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


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_voxel_at_the_position_is_in_the_middle(axis, place, admin, new_page):
    dataset = place(data.write_ramp, axis=axis)
    page = new_page(admin)
    # 50 pixels a voxel: what is beside the middle on both sides is the same voxel.
    page.goto(address(dataset, position=[30, 31, 32], zoom=0.02))
    wait_for_viewer(page)

    expected = gray(data.gray_of_place([30, 31, 32][axis]))
    wait_for_color(page, BESIDE, BESIDE, expected)
    assert is_near(color_at(page, -BESIDE, -BESIDE), expected)
    expect(page.get_by_label("Position", exact=True)).to_have_value("30, 31, 32")


def test_the_time_that_is_said_is_shown(place, admin, new_page):
    page = new_page(admin)
    page.goto(address(place(data.write_times)))
    wait_for_viewer(page)
    for time in (0, 3, 1):
        page.get_by_label("t", exact=True).fill(str(time))
        page.get_by_label("t", exact=True).press("Enter")
        wait_for_color(page, BESIDE, BESIDE, gray(data.gray_of_place(time)))


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


def test_layers_that_nobody_gave_a_colour_can_be_told_apart(place, admin, new_page):
    page = new_page(admin)
    page.goto(address(place(data.write_stains)))
    wait_for_viewer(page)
    wait_for_color(page, BESIDE, BESIDE, (0, 200, 255))
    wait_for_color(page, -BESIDE, BESIDE, (255, 0, 200))
    expect(page.get_by_label("Colour of actin")).to_have_value("#00c8ff")


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
    wait_until(
        lambda: {color_at(page, BESIDE, BESIDE), color_at(page, BESIDE, -BESIDE)},
        lambda seen: len(seen) == 2 and not any(red == green == blue for red, green, blue in seen),
        "two segments in colours",
    )

    page.get_by_label("Opacity in percent of segmentation").fill("0")
    wait_for_color(page, BESIDE, BESIDE, gray(0))


def test_the_position_can_be_typed(place, admin, new_page):
    page = new_page(admin)
    page.goto(address(place(data.write_wkw), position=[10, 32, 32]))
    wait_for_viewer(page)
    wait_for_color(page, 0, BESIDE, gray(data.LEFT))

    page.get_by_label("Position", exact=True).fill("50, 32, 32")
    page.keyboard.press("Enter")
    wait_for_color(page, 0, BESIDE, gray(data.RIGHT))


def test_the_viewer_can_be_used_with_the_keyboard_and_says_how(place, admin, new_page):
    page = new_page(admin, width=768)
    page.goto(address(place(data.write_wkw), position=[30, 32, 32]))
    frame = wait_for_viewer(page)
    page.get_by_role("button", name="3D").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Position", exact=True)).to_have_value("31, 32, 32")

    wait_for_color(page, BESIDE, BESIDE, gray(data.LEFT))
    page.keyboard.press("1")
    expect(page.get_by_label("Visibility of color")).not_to_be_checked()
    wait_for_color(page, BESIDE, BESIDE, gray(0))
    page.keyboard.press("1")
    wait_for_color(page, BESIDE, BESIDE, gray(data.LEFT))

    page.keyboard.press("h")
    help_dialog = page.get_by_role("dialog", name="Mouse and keys")
    expect(help_dialog).to_be_visible()
    assert help_dialog.evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")
    page.keyboard.press("Escape")
    # The picture has the focus again.
    frame.wait_for_function("() => document.hasFocus() && document.activeElement !== document.body")
    page.keyboard.press(",")
    expect(page.get_by_label("Position", exact=True)).to_have_value("31, 32, 31")
    # Neuroglancer's own help, which speaks of what this page leaves out, stays away.
    assert frame.evaluate("() => viewer.state.toJSON().helpPanel?.visible ?? false") is False


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
