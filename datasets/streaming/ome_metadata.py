"""OME-NGFF 0.5 metadata of a layer: where its mags lie in space, and how it is shown.

OME coordinates are those of voxel centres: the centre of voxel (x, y, z) of mag 1 lies at
(x, y, z) * voxel size. A voxel of a coarser mag covers several of these, so that its centre lies
half the difference further in; Neuroglancer and napari then show all mags on top of each other.
https://ngff.openmicroscopy.org/0.5/
"""

from collections.abc import Sequence
from typing import Any

from datasets.properties import BoundingBox, DataSource, Layer, Mag, VoxelSize, view
from datasets.properties.colors import Color, default_colors

JsonObject = dict[str, Any]

VERSION = "0.5"
_TIME_AXES = {"t", "time"}
_RGB = ("Red", "FF0000"), ("Green", "00FF00"), ("Blue", "0000FF")


def is_expressible(additional_axes: Sequence[str]) -> bool:
    """Whether OME-NGFF has a place for these axes beside channel and space: one for time."""
    return len(additional_axes) <= 1 and set(additional_axes) <= _TIME_AXES


def ome_attributes(
    data_source: DataSource,
    layer: Layer,
    *,
    mags: Sequence[Mag],
    additional_axes: Sequence[str],
    num_channels: int,
    admin_view: JsonObject,
) -> JsonObject:
    """The attribute `ome` of a layer's group, with these of its mags, finest first.

    The arrays' axes are additional, c, z, y, x.
    """
    unit = data_source.voxel_size.unit.value
    ome: JsonObject = {
        "version": VERSION,
        "multiscales": [
            {
                "name": layer.name,
                "axes": [
                    *({"name": name, "type": "time"} for name in additional_axes),
                    {"name": "c", "type": "channel"},
                    *({"name": name, "type": "space", "unit": unit} for name in "zyx"),
                ],
                "datasets": [
                    _dataset(layer.bounding_box, mag, data_source.voxel_size, len(additional_axes))
                    for mag in mags
                ],
            }
        ],
    }
    # Segmentations are not marked as labels: labels lie below an image, where readers look for it.
    if not layer.is_segmentation:
        shown = view.resolve(data_source, admin_view, None)["layers"][layer.name]
        colors = default_colors(data_source, admin_view).get(layer.name, [])
        ome["omero"] = {"channels": _channels(layer, num_channels, shown, colors)}
    return ome


def _dataset(box: BoundingBox, mag: Mag, voxel_size: VoxelSize, others: int) -> JsonObject:
    first = box.in_mag(mag).top_left
    scale = [factor * length for factor, length in zip(mag, voxel_size.factor, strict=True)]
    translation = [
        (index * factor + (factor - 1) / 2) * length
        for index, factor, length in zip(first, mag, voxel_size.factor, strict=True)
    ]
    return {
        "path": mag.literal,
        "coordinateTransformations": [
            {"type": "scale", "scale": [1.0] * (others + 1) + scale[::-1]},
            {"type": "translation", "translation": [0.0] * (others + 1) + translation[::-1]},
        ],
    }


def _channels(
    layer: Layer, count: int, shown: JsonObject, colors: Sequence[Color]
) -> list[JsonObject]:
    """`colors` are of channels that nobody gave one."""
    low, high = layer.element_class.value_range
    start, end = shown["intensityRange"] or (low, high)
    tints = colors if len(colors) == count else [shown["color"]] * count
    is_rgb = count == len(_RGB) and layer.element_class.channels == len(_RGB)
    labels = [layer.name] if count == 1 else [f"{layer.name} {i}" for i in range(count)]
    names = _RGB if is_rgb else list(zip(labels, map(_hex, tints), strict=True))
    return [
        {
            "label": label,
            "color": shade,
            "active": not shown["isDisabled"],
            "inverted": shown["isInverted"],
            "window": {"min": low, "max": high, "start": start, "end": end},
        }
        for label, shade in names
    ]


def _hex(color: Sequence[float]) -> str:
    return "".join(f"{round(part):02X}" for part in color)
