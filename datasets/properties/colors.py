"""Colours for layers that nobody gave one: several of them in white could not be told apart.

A view configuration as the API tells it stays white; these colours are for eyes: in the viewer and
in the OME-Zarr metadata that other viewers read.
"""

import colorsys
from itertools import count
from math import sqrt

from datasets.properties.model import DataSource, Layer
from datasets.properties.record import JsonObject
from datasets.properties.view import chosen_layer_views

Color = tuple[int, int, int]

_FIRST: tuple[Color, ...] = (
    (0, 200, 255),
    (255, 0, 200),
    (255, 220, 0),
    (80, 255, 80),
    (255, 90, 40),
    (120, 120, 255),
)
_WHITE = [255, 255, 255]
# Steps of this share of the colour circle never come back to where they were.
_GOLDEN_RATIO = (sqrt(5) - 1) / 2
_LIGHTNESS = 0.62


def default_colors(data_source: DataSource, admin_default: JsonObject) -> dict[str, list[Color]]:
    """By name of layer, a colour for each of its channels; only of layers that need them.

    These are color layers, other than RGB, whose colour nobody chose, if they have several channels
    or if more than one of them is shown. One alone stays white: its values are seen as grays. The
    colours follow from the order of the layers only, so that they are the same for everybody.
    """
    chosen = chosen_layer_views(data_source, admin_default)
    layers = [layer for layer in data_source.layers if _has_none(layer, chosen[layer.name])]
    shown = sum(layer.channels for layer in layers if not chosen[layer.name].get("isDisabled"))
    numbers = count()
    return {
        layer.name: [_color(next(numbers)) for _ in range(layer.channels)]
        for layer in layers
        if layer.channels > 1 or shown > 1
    }


def _has_none(layer: Layer, chosen: JsonObject) -> bool:
    """White for several channels at once is no colour: it says each its own."""
    if layer.is_segmentation or layer.element_class.channels > 1:
        return False
    return "color" not in chosen or (layer.channels > 1 and chosen["color"] == _WHITE)


def _color(number: int) -> Color:
    if number < len(_FIRST):
        return _FIRST[number]
    red, green, blue = colorsys.hls_to_rgb(number * _GOLDEN_RATIO % 1, _LIGHTNESS, 1)
    return round(red * 255), round(green * 255), round(blue * 255)
