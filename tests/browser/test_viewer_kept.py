"""What people change in view mode is kept for them, made the default for all, and shared."""

import re
from typing import Any

import pytest
from playwright.sync_api import Frame, Page, expect

from datasets.models import DatasetViewConfiguration
from tests.browser import data
from tests.browser.screen import (
    BESIDE,
    address,
    gray,
    wait_for_color,
    wait_for_viewer,
    wait_until,
)
from tests.factories import make_user


def wait_until_kept(**expected: Any) -> None:
    """Wait until exactly this is stored as the one person's own view."""

    def stored() -> Any:
        return DatasetViewConfiguration.objects.values_list("configuration", flat=True).first()

    wait_until(stored, lambda found: found == expected, expected)


def own_keys() -> set[str]:
    """The keys of what is stored as the one person's own view."""
    views = DatasetViewConfiguration.objects.values_list("configuration", flat=True)
    return {key for view in views for key in view}


def drag(page: Page, right: int) -> None:
    """Drags the picture in the viewer's frame."""
    box = page.locator("iframe").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2 - 60, box["y"] + box["height"] / 2 - 60
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y, steps=4)
    page.mouse.up()


def turn(frame: Frame) -> list[float]:
    """How the 3D panel in the viewer's frame is turned (a quaternion) and, last, zoomed."""
    return frame.evaluate("""() => {
      const { projectionOrientation, projectionScale } = viewer.state.toJSON();
      return [...projectionOrientation, projectionScale];
    }""")


def test_place_and_layout_are_kept_for_the_person_and_a_link_wins(place, admin, new_page):
    dataset = place(data.write_wkw)
    page = new_page(admin)
    view = f"/datasets/{dataset.slug}/view"
    position, zoom = page.get_by_label("Position", exact=True), page.get_by_label("Zoom")
    xy = page.get_by_role("button", name="xy")
    page.goto(view)
    wait_for_viewer(page)
    fitted = zoom.input_value()

    xy.click()
    zoom.fill("0.5")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    drag(page, right=-20)
    expect(position).to_have_value("42, 32, 32")
    wait_until_kept(position=[42, 32, 32], zoom=0.5, layout="xy")
    expect(page.get_by_text("Saved for you")).to_be_visible()

    page.goto("/")
    page.goto(view)
    wait_for_viewer(page)
    expect(position).to_have_value("42, 32, 32")
    expect(zoom).to_have_value("0.5")
    expect(xy).to_have_attribute("aria-pressed", "true")

    page.goto("/")
    page.goto(f"{view}#5,6,7,0,2")
    wait_for_viewer(page)
    expect(position).to_have_value("5, 6, 7")
    expect(zoom).to_have_value("2")

    page.get_by_role("button", name="Reset").click()
    wait_until(DatasetViewConfiguration.objects.count, lambda found: found == 0, "none")
    page.goto("/")
    page.goto(view)
    wait_for_viewer(page)
    expect(position).to_have_value("32, 32, 32")
    expect(zoom).to_have_value(fitted)
    expect(xy).to_have_attribute("aria-pressed", "false")


def test_how_the_3d_panel_is_turned_and_zoomed_is_kept_shared_and_reset(place, admin, new_page):
    dataset = place(data.write_wkw)
    page = new_page(admin)
    view = f"/datasets/{dataset.slug}/view"
    page.goto(address(dataset, layout="3d"))
    at_first = turn(wait_for_viewer(page))

    drag(page, right=80)
    page.keyboard.down("Control")
    page.mouse.wheel(0, 200)
    page.keyboard.up("Control")
    wait_until(own_keys, lambda found: found == {"rotation3D", "zoom3D"}, "rotation and zoom")
    page.get_by_role("button", name="Share").click()
    link = page.get_by_label("Link", exact=True).input_value()

    page.goto("/")
    page.goto(view)
    kept = turn(wait_for_viewer(page))
    assert all(abs(now - then) > 0.01 for now, then in zip(kept[1::3], at_first[1::3], strict=True))

    page.get_by_role("button", name="Reset").click()
    wait_until(own_keys, lambda found: found == set(), "none")
    page.goto("/")
    page.goto(link)
    assert turn(wait_for_viewer(page)) == pytest.approx(kept, rel=1e-3, abs=1e-3)
    page.goto("/")
    page.goto(view)
    assert turn(wait_for_viewer(page))[:4] == pytest.approx(at_first[:4], abs=1e-3)


def test_looking_at_a_dataset_or_a_link_changes_nothing_of_ones_own(place, admin, new_page):
    dataset = place(data.write_wkw)
    page = new_page(admin)
    changes = []
    page.on("request", lambda sent: sent.method in {"PUT", "DELETE"} and changes.append(sent.url))
    for link in (f"/datasets/{dataset.slug}/view", address(dataset, position=[1, 2, 3])):
        page.goto(link)
        wait_for_viewer(page)
        page.goto("/")  # what was due to be saved would be sent now
    assert changes == []


def test_what_was_changed_without_a_network_is_saved_once_there_is_one(place, admin, new_page):
    dataset = place(data.write_wkw)
    page = new_page(admin)
    page.goto(f"/datasets/{dataset.slug}/view")
    wait_for_viewer(page)
    page.context.set_offline(True)
    page.get_by_label("Opacity in percent of color").fill("50")
    own = page.get_by_text("Your view of this dataset is not saved: the server could not be")
    expect(own).to_be_visible()
    page.get_by_role("button", name="Save view configuration as default").click()
    unsaved = page.get_by_text("The default view is not saved: the server could not be reached")
    expect(unsaved).to_be_visible()

    page.context.set_offline(False)
    expect(page.get_by_text("Everybody who opens this dataset now sees it")).to_be_visible()
    for notice in (unsaved, own):
        expect(notice).to_have_count(0)
    dataset.refresh_from_db()
    assert dataset.admin_view_configuration
    assert dataset.admin_view_configuration["layers"]["color"]["alpha"] == 50


def test_a_session_that_ended_is_named_as_the_cause(place, admin, new_page):
    dataset = place(data.write_wkw)
    page = new_page(admin)
    page.goto(f"/datasets/{dataset.slug}/view")
    wait_for_viewer(page)
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save view configuration as default").click()
    expect(page.get_by_text("you are no longer signed in")).to_be_visible()


def test_a_link_says_only_what_is_not_the_default(place, admin, new_page):
    dataset = place(data.write_wkw)
    page = new_page(admin)
    page.goto(f"/datasets/{dataset.slug}/view")
    wait_for_viewer(page)
    link = page.get_by_label("Link", exact=True)
    page.get_by_role("button", name="Share").click()
    expect(link).to_have_value(re.compile(r"/view#%7B%7D$"))
    page.keyboard.press("Escape")

    page.get_by_label("Opacity in percent of color").fill("50")
    page.get_by_role("button", name="Share").click()
    said = r"#%7B%22layers%22:%7B%22color%22:%7B%22alpha%22:50%7D%7D%7D$"
    expect(link).to_have_value(re.compile(said))


def test_changes_are_kept_for_the_person_and_can_be_reset(place, admin, lab, new_page):
    dataset = place(data.write_wkw)
    page = new_page(admin)
    page.goto(address(dataset))
    wait_for_viewer(page)
    with page.expect_response(lambda response: "view-configuration" in response.url):
        page.get_by_label("Opacity in percent of color").fill("50")

    page.goto("/")
    page.goto(f"/datasets/{dataset.slug}/view")
    wait_for_viewer(page)
    expect(page.get_by_label("Opacity in percent of color")).to_have_value("50")

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
    revoke = page.get_by_role("button", name="Revoke the sharing link")
    expect(revoke).to_have_count(0)
    page.get_by_label("Let people without an account view it").check()
    expect(revoke).to_be_visible()
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


def test_named_links_are_made_where_a_view_is_shared(place, admin, new_page):
    page = new_page(admin)
    page.goto(address(place(data.write_wkw)))
    wait_for_viewer(page)
    page.get_by_role("button", name="Share").click()
    page.get_by_role("link", name="Links with a name and an end").click()
    dialog = page.get_by_role("dialog", name="Sharing links")
    dialog.get_by_label("Name", exact=True).fill("Reviewers")
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.get_by_role("status")).to_contain_text("The link 'Reviewers' was made.")
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog", name="Share this view")).to_be_visible()
