"""Looking at what the viewer has really drawn."""

import io
import json
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Frame, Page

from datasets.models import Dataset

Color = tuple[int, int, int]
Seen = TypeVar("Seen")

# A machine that does much else besides is slow, not wrong.
PATIENCE_SECONDS = 60
ZOOM = 0.25  # voxels a pixel
# Up and left of the middle, where no axis line is drawn.
BESIDE = -20
_TOLERANCE = 2


def address(dataset: Dataset, **view: object) -> str:
    """View mode with one panel, so that the middle of the frame is the position."""
    said = {"layout": "xy", "zoom": ZOOM, **view}
    return f"/datasets/{dataset.slug}/view#{quote(json.dumps(said))}"


def wait_for_viewer(page: Page) -> Frame:
    """The frame with Neuroglancer, once the page has connected everything around it."""
    page.wait_for_selector("[data-viewer=ready]")
    frame = next(frame for frame in page.frames if "/viewer/v/" in frame.url)
    frame.wait_for_function("() => viewer.isReady()")
    return frame


def picture(page: Page) -> Image.Image:
    """What is in the viewer's frame now."""
    return Image.open(io.BytesIO(page.locator("iframe").screenshot())).convert("RGB")


def color_at(page: Page, right: int, down: int) -> Color:
    """The colour so many pixels right of and below the middle of the viewer's frame."""
    image = picture(page)
    return image.getpixel((image.width // 2 + right, image.height // 2 + down))


def wait_for_color(page: Page, right: int, down: int, color: Color) -> None:
    """Wait until that pixel has the colour; drawing follows a change within frames."""
    wait_until(lambda: color_at(page, right, down), lambda found: is_near(found, color), color)


def wait_until(
    look: Callable[[], Seen], is_right: Callable[[Seen], bool], expected: object
) -> None:
    """Look again until what is seen is right."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_right(found := look()):
        assert time.monotonic() < deadline, f"{found} instead of {expected}"


def is_near(found: Color, color: Color) -> bool:
    return all(abs(a - b) <= _TOLERANCE for a, b in zip(found, color, strict=True))


def gray(value: int) -> Color:
    return (value, value, value)
