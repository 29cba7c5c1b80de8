"""Draws a dataset small: the layers that its view shows, in their colours, laid over each other.

Light adds up: layers and channels are drawn on black and added, as the viewer does.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import cycle
from typing import Any

from PIL import Image, ImageChops

from datasets.properties import view
from datasets.properties.colors import Color, default_colors
from datasets.streaming.catalog import ServedDataset, ServedLayer, ServedMag
from datasets.streaming.presented import read_within
from datasets.streaming.sampling import coarsest_where
from datasets.voxels.array import Voxels
from datasets.voxels.box import Box
from datasets.voxels.errors import VoxelsError
from sharing.errors import ServiceError

from . import pictures

JsonObject = dict[str, Any]
Rectangle = tuple[int, int, int, int]
"""Left, top, width and height in voxels of mag 1."""

MOST_LAYERS = 6
_MAX_SLICE_BYTES = 64 * 2**20
# Where to look for a filled slice, as parts of the depth, after the view's position.
_OTHER_DEPTHS = (1 / 2, 1 / 4, 3 / 4, 1 / 8, 3 / 8, 5 / 8, 7 / 8)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drawn:
    """A picture; `is_whole` unless a layer could not be read."""

    picture: Image.Image
    is_whole: bool = True


@dataclass(frozen=True)
class _Source:
    """Where a layer is read for a picture: `box` in voxels of the mag, of any depth; `shown` is its
    view configuration, `colors` those of its channels, one for all or one each.
    """

    layer: ServedLayer
    mag: ServedMag
    box: Box
    shown: JsonObject
    colors: Sequence[Color]

    @property
    def rectangle(self) -> Rectangle:
        """What part of the dataset it covers."""
        x, y, _ = self.mag.properties.mag
        left, top, _ = self.box.offset
        width, height, _ = self.box.size
        return left * x, top * y, width * x, height * y

    def slice_at(self, depth: float) -> Voxels | None:
        """The slice (c, x, y) at `depth` in voxels of mag 1; None outside of the layer."""
        (left, top, front), (width, height, slices) = self.box.offset, self.box.size
        z = int(depth // self.mag.properties.mag.z)
        if not front <= z < front + slices:
            return None
        box = Box((left, top, z), (width, height, 1))
        return read_within(self.mag.array(), self.mag.box, box)[..., 0]


def dataset_picture(dataset: ServedDataset, size: tuple[int, int]) -> Drawn:
    """The colour layers that the dataset's view shows; of a dataset without any, its segments."""
    return _picture(dataset, shown_layers(dataset), size)


def layer_picture(dataset: ServedDataset, layer: ServedLayer, size: tuple[int, int]) -> Drawn:
    """One layer, whether the view shows it or not."""
    return _picture(dataset, [layer], size)


def shown_layers(dataset: ServedDataset) -> list[ServedLayer]:
    """The layers of a dataset's picture, at most MOST_LAYERS."""
    views = view_of(dataset)["layers"]
    filled = [
        layer
        for layer in dataset.layers.values()
        if layer.mags and not layer.properties.bounding_box.is_empty
    ]
    visible = [layer for layer in filled if not views[layer.properties.name]["isDisabled"]]
    candidates = visible or filled
    colors = [layer for layer in candidates if not layer.properties.is_segmentation]
    return colors[:MOST_LAYERS] or candidates[:1]


def view_of(dataset: ServedDataset) -> JsonObject:
    """The dataset's default view configuration, complete."""
    saved = dataset.row.admin_view_configuration or {}
    return dataset.remembered("view", lambda: view.resolve(dataset.data_source, saved, None))


def colors_of(dataset: ServedDataset) -> dict[str, list[Color]]:
    """By name of layer, the colours of channels that nobody gave one."""
    saved = dataset.row.admin_view_configuration or {}
    return dataset.remembered("colors", lambda: default_colors(dataset.data_source, saved))


def _picture(dataset: ServedDataset, layers: Sequence[ServedLayer], size: tuple[int, int]) -> Drawn:
    sources = _sources(dataset, layers, size)
    planes, is_whole = _filled_planes(sources, _depths(dataset, sources))
    if not planes:
        return Drawn(pictures.message_picture(size, "empty", is_failure=False), is_whole)
    scene = reduce(_around, (source.rectangle for source, _ in planes))
    x, y, _ = dataset.data_source.voxel_size.factor
    frame = pictures.Frame.fitting(size, scene[2:], aspect=x / y)
    canvas = Image.new("RGB", size)
    for source, plane in planes:
        left, top, width, height = source.rectangle
        place = (left - scene[0], top - scene[1], width, height)
        canvas = ImageChops.add(canvas, frame.placed(_colored(source, plane), place))
    return Drawn(canvas, is_whole)


def _sources(
    dataset: ServedDataset, layers: Sequence[ServedLayer], size: tuple[int, int]
) -> list[_Source]:
    views, colors = view_of(dataset)["layers"], colors_of(dataset)
    sources = []
    for layer in layers:
        mag = _sufficient_mag(layer, size)
        if mag is None or not mag.box.volume:
            continue
        name = layer.properties.name
        box = _bounded(mag, _MAX_SLICE_BYTES // len(layers))
        tints = colors.get(name) or [views[name]["color"]]
        sources.append(_Source(layer, mag, box, views[name], tints))
    return sources


def _sufficient_mag(layer: ServedLayer, size: tuple[int, int]) -> ServedMag | None:
    """The coarsest mag that fills the picture in one direction, else the finest."""
    width, height = size
    return coarsest_where(layer, lambda mag: mag.box.size[0] >= width or mag.box.size[1] >= height)


def _bounded(mag: ServedMag, most_bytes: int) -> Box:
    """The mag's box; of slices that are too large to be read whole, the middle."""
    left, top, front = mag.box.offset
    width, height, slices = mag.box.size
    voxel_bytes = mag.layer.channels * mag.layer.channel_class.bits // 8
    while width * height * voxel_bytes > most_bytes:
        left, width = (left + width // 4, width // 2) if width >= height else (left, width)
        top, height = (top + height // 4, height // 2) if height > width else (top, height)
    return Box((left, top, front), (width, height, slices))


def _depths(dataset: ServedDataset, sources: Sequence[_Source]) -> list[float]:
    """Where to look, in voxels of mag 1: at the view's position, then elsewhere."""
    boxes = [source.layer.properties.bounding_box for source in sources]
    if not boxes:
        return []
    front = min(box.top_left[2] for box in boxes)
    end = max(box.top_left[2] + box.size[2] for box in boxes)
    depths = [front + part * (end - front) for part in _OTHER_DEPTHS]
    position = view_of(dataset)["position"]
    return depths if position is None else [position[2], *depths]


def _filled_planes(
    sources: Sequence[_Source], depths: Sequence[float]
) -> tuple[list[tuple[_Source, Voxels]], bool]:
    """The slices at the first depth where any is not all zero, and whether all could be read.

    Raises the first error where no layer can be read.
    """
    readable = list(sources)
    errors: list[VoxelsError | ServiceError] = []
    for depth in depths:
        planes = []
        for source in tuple(readable):
            try:
                plane = source.slice_at(depth)
            except (VoxelsError, ServiceError) as error:
                log.warning("%s is left out of a picture: %s", source.layer.properties.name, error)
                errors.append(error)
                readable.remove(source)
                continue
            if plane is not None:
                planes.append((source, plane))
        if errors and not readable:
            raise errors[0]
        if any(plane.any() for _, plane in planes):
            return planes, not errors
    return [], not errors


def _colored(source: _Source, plane: Voxels) -> Image.Image:
    layer, shown = source.layer.properties, source.shown
    if layer.is_segmentation:
        return pictures.segmentation_picture(plane)
    limits = shown["intensityRange"]
    if limits is not None and list(limits) == list(layer.channel_class.value_range):
        limits = None  # nobody chose it: the type's whole range would leave most images black
    look = {
        "limits": limits,
        "gamma": shown["gammaCorrectionValue"],
        "is_inverted": shown["isInverted"],
        "opacity": shown["alpha"] / 100,
    }
    if layer.element_class.channels > 1:  # red, green and blue
        return pictures.color_picture(plane, color=source.colors[0], **look)
    hidden = shown.get("hiddenChannels") or ()
    channels = [
        pictures.color_picture(plane[number : number + 1], color=color, **look)
        for number, color in zip(range(len(plane)), cycle(source.colors), strict=False)
        if number not in hidden
    ]
    nothing = Image.new("RGB", plane.shape[1:3])
    return reduce(ImageChops.add, channels, nothing)


def _around(first: Rectangle, second: Rectangle) -> Rectangle:
    left, top = min(first[0], second[0]), min(first[1], second[1])
    right = max(first[0] + first[2], second[0] + second[2])
    bottom = max(first[1] + first[3], second[1] + second[3])
    return left, top, right - left, bottom - top
