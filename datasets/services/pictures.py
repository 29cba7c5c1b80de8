"""Slices of voxels as pictures: contrast, colour, and the pictures that say why there is none."""

import io
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Plane = np.ndarray[Any, np.dtype[Any]]
Rgb = tuple[float, float, float]

_QUALITY = 85
_PERCENTILES = (1, 99)
# Odd multipliers of the golden ratio: neighbouring ids get colours far apart.
_HASHES = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


def color_picture(
    plane: Plane,
    *,
    limits: tuple[float, float] | None,
    color: Rgb,
    gamma: float = 1,
    is_inverted: bool = False,
    opacity: float = 1,
) -> Image.Image:
    """A plane (c, x, y) of a colour layer; `limits` are shown black and in full `color`.

    Without limits they are the 1st and 99th percentile of what is not zero; limits that fall invert
    the picture. Of several channels the first three are red, green and blue.
    """
    if plane.shape[0] >= 3:
        shown = np.moveaxis(plane[:3], 0, -1)
        light = _stretched(shown, limits or _limits_of_rgb(shown))
    else:
        light = _stretched(plane[0], limits or percentile_limits(plane[0]))[..., np.newaxis]
    if is_inverted:
        light = 255 - light
    if gamma != 1:
        light = 255 * (light / 255) ** (1 / max(gamma, 0.01))
    return _image(light * (np.array(color) / 255.0) * opacity)


def segmentation_picture(plane: Plane) -> Image.Image:
    """A plane (c, x, y) of segment ids, each in a colour of its own; 0 is black."""
    ids = plane[0].astype("u8", copy=False)
    shades = [((ids * np.uint64(factor)) >> np.uint64(56)).astype("f8") for factor in _HASHES]
    rgb = 64 + 0.75 * np.stack(shades, axis=-1)
    rgb[ids == 0] = 0
    return _image(rgb)


def percentile_limits(values: Plane) -> tuple[float, float]:
    """The 1st and 99th percentile of the finite values that are not zero."""
    filled = values[(values != 0) & np.isfinite(values)]
    if not filled.size:
        return 0.0, 1.0
    low, high = np.percentile(filled, _PERCENTILES)
    return (float(low), float(high)) if high > low else (float(low) - 1, float(high))


def message_picture(size: tuple[int, int], message: str, *, is_failure: bool) -> Image.Image:
    """A picture that says why nothing is shown: grey for no data, red for data that can't be read.

    Failures also carry a cross, for those who don't tell the colours apart.
    """
    background, foreground = ("#7a2e2e", "#ffffff") if is_failure else ("#d9dde3", "#4a5561")
    picture = Image.new("RGB", size, background)
    draw = ImageDraw.Draw(picture)
    width, height = size
    if is_failure:
        line = max(width, height) // 100 + 1
        draw.line([(0, 0), size], fill="#9a4a4a", width=line)
        draw.line([(0, height), (width, 0)], fill="#9a4a4a", width=line)
    font = ImageFont.load_default(max(min(width // 8, height // 3, 48), 6))
    draw.text((width / 2, height / 2), message, fill=foreground, font=font, anchor="mm")
    return picture


@dataclass(frozen=True)
class Frame:
    """Fits a scene of voxels into a picture of `size` pixels, on black.

    `scale` is pixels per voxel along x and y, `offset` the pixel of the scene's corner.
    """

    size: tuple[int, int]
    scale: tuple[float, float]
    offset: tuple[float, float]

    @classmethod
    def fitting(cls, size: tuple[int, int], scene: tuple[int, int], aspect: float) -> Self:
        """The frame that shows `scene` (width, height in voxels, each `aspect` wide by 1 high) as
        large as fits.
        """
        width, height = scene[0] * aspect, float(scene[1])
        factor = min(size[0] / width, size[1] / height)
        offset = (size[0] - width * factor) / 2, (size[1] - height * factor) / 2
        return cls(size, (factor * aspect, factor), offset)

    def placed(self, picture: Image.Image, place: tuple[int, int, int, int]) -> Image.Image:
        """The frame with `picture` at `place`: left, top, width, height in voxels of the scene."""
        left, top, width, height = place
        inner = (max(round(width * self.scale[0]), 1), max(round(height * self.scale[1]), 1))
        shrinks = inner[0] < picture.width
        resampling = Image.Resampling.BOX if shrinks else Image.Resampling.NEAREST
        canvas = Image.new("RGB", self.size)
        corner = (
            round(self.offset[0] + left * self.scale[0]),
            round(self.offset[1] + top * self.scale[1]),
        )
        canvas.paste(picture.resize(inner, resampling), corner)
        return canvas


def as_jpeg(picture: Image.Image) -> bytes:
    """The picture as a JPEG file."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _limits_of_rgb(shown: Plane) -> tuple[float, float]:
    return (0.0, 255.0) if shown.dtype == np.uint8 else percentile_limits(shown)


def _stretched(values: Plane, limits: tuple[float, float]) -> Plane:
    low, high = limits
    scaled = (np.nan_to_num(values.astype("f8")) - low) * (255.0 / ((high - low) or 1e-300))
    clipped: Plane = np.clip(scaled, 0, 255)
    return clipped


def _image(rgb: Plane) -> Image.Image:
    """An array (x, y, rgb) as a picture, y downwards."""
    return Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 0, 2)).astype("u1"), "RGB")
