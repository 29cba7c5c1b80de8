"""Sizes for people: voxel sizes, extents, and what they come to in the world."""

from collections.abc import Sequence

from django import template

from datasets.models import Dataset, Layer
from datasets.properties import BoundingBox, LengthUnit

register = template.Library()

_TIMES = " \u00d7 "
_METRIC = (
    LengthUnit.NANOMETER,
    LengthUnit.MICROMETER,
    LengthUnit.MILLIMETER,
    LengthUnit.METER,
    LengthUnit.KILOMETER,
)


@register.filter
def voxel_size(dataset: Dataset) -> str:
    """Its lengths along x, y and z with their unit; empty where unknown."""
    size = dataset.voxel_size
    return f"{_times(size)} {LengthUnit(dataset.voxel_size_unit).symbol}" if size else ""


@register.filter
def extent(dataset: Dataset) -> str:
    """The size of the box around all layers, in voxels of mag 1; empty without voxels."""
    box = box_of(dataset)
    return _TIMES.join(f"{length:,}" for length in box.size).replace(",", "\u202f") if box else ""


@register.filter
def physical_extent(dataset: Dataset) -> str:
    """The same as lengths in the largest fitting unit."""
    box, size = box_of(dataset), dataset.voxel_size
    if box is None or size is None:
        return ""
    unit = LengthUnit(dataset.voxel_size_unit)
    lengths = [length * step * unit.nanometers for length, step in zip(box.size, size, strict=True)]
    fitting = [unit for unit in _METRIC if unit.nanometers <= max(lengths)]
    shown = fitting[-1] if fitting else LengthUnit.NANOMETER
    return f"{_times([length / shown.nanometers for length in lengths])} {shown.symbol}"


@register.filter
def box_text(layer: Layer) -> str:
    """The layer's box as people write it: corner, then size."""
    corner = ", ".join(str(value) for value in (layer.min_x, layer.min_y, layer.min_z))
    size = [str(value) for value in (layer.width, layer.height, layer.depth)]
    return f"{corner} + {_TIMES.join(size)}"


def box_of(dataset: Dataset) -> BoundingBox | None:
    """The box around all layers of the dataset, in voxels of mag 1."""
    around: BoundingBox | None = None
    for layer in dataset.layers.all():
        box = BoundingBox.of(
            (layer.min_x, layer.min_y, layer.min_z), (layer.width, layer.height, layer.depth)
        )
        around = box if around is None else around.union(box)
    return None if around is None or around.is_empty else around


def _times(values: Sequence[float]) -> str:
    return _TIMES.join(f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}" for value in values)
