"""What the view page tells its scripts: layers, where their data is, and how they are shown.

No credential and no path of the storage is in it: data comes from this site under a page token.
"""

from typing import Any
from urllib.parse import quote

from datasets.models import Dataset
from datasets.properties import DataSource, Layer
from datasets.properties.colors import Color
from datasets.services import data_source

_NANOMETERS_PER_METER = 1e9
# Beyond, hardly any image fills the whole range of its type: it would look black.
_EASY_BITS = 8

JsonObject = dict[str, Any]


def manifest_of(dataset: Dataset, *, token: str, colors: dict[str, list[Color]]) -> JsonObject:
    """The dataset as the scripts need it. `voxelSize` is in metres, boxes in voxels of mag 1.

    `colors` are those of the channels, by name of layer.
    """
    source = data_source.load(dataset)
    return {
        "datasetId": dataset.pk,
        "name": dataset.name,
        "voxelSize": [length / _NANOMETERS_PER_METER for length in source.voxel_size.nanometers],
        "layers": [
            _layer(dataset, layer, token, colors.get(layer.name, [])) for layer in _visible(source)
        ],
        "additionalAxes": _additional_axes(source),
    }


def _visible(source: DataSource) -> list[Layer]:
    """Color layers first: segmentations are drawn over them."""
    layers = [layer for layer in source.layers if layer.mags and not layer.bounding_box.is_empty]
    return sorted(layers, key=lambda layer: layer.is_segmentation)


def _layer(dataset: Dataset, layer: Layer, token: str, colors: list[Color]) -> JsonObject:
    name = quote(layer.name, safe="")
    door = f"/data/t/{token}"
    return {
        "name": layer.name,
        "isSegmentation": layer.is_segmentation,
        "elementClass": layer.element_class.value,
        "isWide": not layer.is_segmentation and layer.channel_class.bits > _EASY_BITS,
        "isInteger": layer.channel_class.is_integer,
        "isRgb": layer.element_class.channels > 1,
        "channels": layer.channels,
        "channelColors": colors,
        "valueRange": layer.channel_class.value_range,
        "box": {"topLeft": layer.bounding_box.top_left, "size": layer.bounding_box.size},
        "mags": [mag.mag.literal for mag in sorted(layer.mags, key=lambda mag: max(mag.mag))],
        "additionalAxes": [axis.name for axis in layer.additional_axes],
        "source": f"{door}/viewer/{dataset.pk}/{dataset.version}/{name}/",
        "histogram": f"{door}/datasets/{dataset.pk}/layers/{name}/histogram",
        "voxels": f"{door}/datasets/{dataset.pk}/layers/{name}/data",
    }


def _additional_axes(source: DataSource) -> list[JsonObject]:
    """Each axis beyond space once, with the bounds of all layers that have it."""
    bounds: dict[str, tuple[int, int]] = {}
    for layer in source.layers:
        for axis in layer.additional_axes:
            first, end = bounds.get(axis.name, axis.bounds)
            bounds[axis.name] = (min(first, axis.bounds[0]), max(end, axis.bounds[1]))
    return [{"name": name, "bounds": list(limits)} for name, limits in bounds.items()]
