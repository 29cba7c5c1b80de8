"""What makes a readable data source unusable, told in sentences, and which paths are acceptable.

Whether the files that it speaks of exist is for those who open them.
"""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TypeVar

from datasets.properties.model import DataSource, Layer

T = TypeVar("T")

SHORTEST_VOXEL = 1e-12
LONGEST_VOXEL = 1e12
"""In whatever unit: beyond, what is reckoned with it gets out of bounds."""


def problems(data_source: DataSource) -> list[str]:
    """Everything that is wrong, each as one sentence; empty for a usable data source."""
    found: list[str] = []
    if not all(map(is_voxel_length, data_source.voxel_size.factor)):
        x, y, z = data_source.voxel_size.factor
        found.append(
            f"The voxel size {x:g}, {y:g}, {z:g} must be above 0 and at most {LONGEST_VOXEL:g} on "
            "each axis; set it, in another unit if need be."
        )
    if not data_source.layers:
        found.append("There is no layer; add at least one to dataLayers.")
    found += [
        f"Several layers are named {name!r}; give each its own name."
        for name in _repeated(layer.name for layer in data_source.layers)
    ]
    for layer in data_source.layers:
        found += _layer_problems(layer)
    return found


def is_voxel_length(length: float) -> bool:
    """Whether a voxel may be so long, in its unit."""
    return SHORTEST_VOXEL <= length <= LONGEST_VOXEL


def _layer_problems(layer: Layer) -> list[str]:
    title = f"Layer {layer.name!r}"
    found: list[str] = []
    if not layer.name:
        found.append("A layer has an empty name; name it.")
    if "/" in layer.name:
        found.append(f"{title} has a / in its name; rename it.")
    if layer.name.startswith("."):
        found.append(f"{title} has a name that starts with a dot; rename it.")
    # A layer is announced without mags and box before its first mag is written.
    if layer.mags and layer.bounding_box.is_empty:
        size = ", ".join(str(length) for length in layer.bounding_box.size)
        found.append(
            f"{title} has an empty bounding box (size {size}); "
            "set width, height and depth to at least 1."
        )
    if layer.is_segmentation and not layer.element_class.is_integer:
        found.append(
            f"{title} is a segmentation of {layer.element_class} voxels; "
            "use whole numbers or make it a color layer."
        )
    if layer.num_channels is not None and layer.num_channels < 1:
        found.append(f"{title} has {layer.num_channels} channels; numChannels starts at 1.")
    return (
        found
        + _segment_id_problems(layer, title)
        + _mag_problems(layer, title)
        + _axis_problems(layer, title)
        + _attachment_problems(layer, title)
    )


def _segment_id_problems(layer: Layer, title: str) -> list[str]:
    largest = layer.largest_segment_id
    if largest is None or not layer.is_segmentation:
        return []
    if largest < 0:
        return [f"{title} has the negative largestSegmentId {largest}; correct or remove it."]
    if layer.element_class.is_integer and largest > layer.element_class.largest_segment_id:
        return [
            f"{title} has the largestSegmentId {largest}, but {layer.element_class} voxels hold "
            f"at most {layer.element_class.largest_segment_id}; correct or remove it."
        ]
    return []


def _mag_problems(layer: Layer, title: str) -> list[str]:
    mags = sorted((properties.mag for properties in layer.mags), key=lambda mag: (max(mag), mag))
    found = [
        f"{title} has mag {literal} more than once; keep one of them."
        for literal in _repeated(mag.literal for mag in mags)
    ]
    for finer, coarser in pairwise(mags):
        if any(fine > coarse for fine, coarse in zip(finer, coarser, strict=True)):
            found.append(
                f"{title} has the mags {finer.literal} and {coarser.literal}, of which neither is "
                "the finer one on every axis; remove one of them."
            )
    return found


def _axis_problems(layer: Layer, title: str) -> list[str]:
    found = [
        f"{title} has the axis {axis.name!r} without any index between its bounds "
        f"{axis.bounds[0]} and {axis.bounds[1]}; correct them."
        for axis in layer.additional_axes
        if axis.bounds[1] <= axis.bounds[0]
    ]
    found += [
        f"{title} has mag {mag.mag.literal} with an axisOrder that puts two axes, or none, at one "
        "place; count the places from 0 up."
        for mag in layer.mags
        if any(place < 0 for place in mag.axis_order.values()) or _repeated(mag.axis_order.values())
    ]
    # The public Python library reads one order for all mags and fails without it.
    orders = {tuple(sorted(mag.axis_order.items())) for mag in layer.mags}
    if layer.additional_axes and layer.mags and (len(orders) > 1 or () in orders):
        found.append(f"{title} has additional axes; give all of its mags the same axisOrder.")
    return found


def _attachment_problems(layer: Layer, title: str) -> list[str]:
    return [
        f"{title} has several {kind} named {name!r}; give each its own name."
        for kind, attachments in layer.attachments.by_kind().items()
        for name in _repeated(attachment.name for attachment in attachments)
    ]


def _repeated(values: Iterable[T]) -> list[T]:
    return [value for value, count in Counter(values).items() if count > 1]


def path_problem(path: str) -> str | None:
    """Why a path that came from outside may not be used, or None for an acceptable one.

    Acceptable is what names something inside the dataset's directory. Whether a link leads out of
    it can only be told when the path is opened.
    """
    if not path:
        return "The path is empty; name a file or folder inside the dataset."
    shown = repr(path)
    if "\0" in path:
        return f"The path {shown} holds a NUL character; remove it."
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", path):
        return f"The path {shown} is a URI; use a path relative to the dataset's folder."
    if path.startswith("/"):
        return f"The path {shown} is absolute; use a path relative to the dataset's folder."
    if ".." in PurePosixPath(path).parts:
        return f"The path {shown} leads out of its folder; write it without '..'."
    return None
