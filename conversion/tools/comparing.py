"""Compares two datasets, whatever their formats: the same layers, mags and voxels?"""

from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.tools.blocks import read, read_blocks
from conversion.tools.opened import OpenedDataset, OpenedMag
from conversion.tools.progress import Meter, Report, say_nothing
from datasets.properties import Layer
from datasets.voxels.box import Box


def first_difference(
    source: OpenedDataset,
    target: OpenedDataset,
    *,
    layer_name: str | None = None,
    threads: int = 2,
    report: Report = say_nothing,
) -> str | None:
    """How the layer, or the first that differs, is not the same in both, as a sentence; None where
    there is no difference.

    Where voxels differ, that names the layer, the mag and the box around the differing voxels of
    the first block that has any. How the data is stored makes no difference, nor how it is shown.
    Raises ToolProblem for a layer that neither has, and for what can't be read.
    """
    pairs = [(layer, target.data_source.layer(layer.name)) for layer in source.layers(layer_name)]
    if layer_name is None:
        names = [
            sorted(layer.name for layer in each.data_source.layers) for each in (source, target)
        ]
        if names[0] != names[1]:
            return f"The layers differ: {', '.join(names[0])} against {', '.join(names[1])}."
    compared: list[tuple[OpenedMag, OpenedMag]] = []
    for layer, other in pairs:
        if other is None:
            target.layers(layer_name)
            continue
        if said := _difference_said(layer, other):
            return said
        compared += zip(source.mags(layer), target.mags(other), strict=True)
    meter = Meter(report, sum(mag.total_bytes for mag, _ in compared))
    found = (_difference_found(*mags, threads, meter) for mags in compared)
    return next((difference for difference in found if difference), None)


def _difference_said(layer: Layer, other: Layer) -> str | None:
    """What the properties of both say, beside paths and formats."""

    def of(each: Layer) -> dict[str, Any]:
        box = each.bounding_box
        return {
            "category": each.category.value,
            "bounding box": f"{box.top_left} + {box.size}",
            "element class": each.element_class.value,
            "number of channels": each.channels,
            "additional axes": [(axis.name, axis.bounds) for axis in each.additional_axes],
            "mags": sorted(mag.mag for mag in each.mags),
        }

    for (name, one), two in zip(of(layer).items(), of(other).values(), strict=True):
        if one != two:
            if name == "mags":
                one, two = (", ".join(mag.literal for mag in mags) for mags in (one, two))
            return f"Layer '{layer.name}': the {name} differ: {one} against {two}."
    return None


def _difference_found(mag: OpenedMag, other: OpenedMag, threads: int, meter: Meter) -> str | None:
    title = f"Layer '{mag.layer.name}', mag {mag.mag.literal}"
    if mag.array.num_channels != other.array.num_channels:
        counts = f"{mag.array.num_channels} against {other.array.num_channels}"
        return f"{title}: the number of stored channels differs: {counts}."
    with closing(read_blocks(mag, threads=threads)) as blocks:
        for block in blocks:
            voxels = read(other, block.box, block.index)
            differs = _differing(block.voxels, voxels)
            if differs.any():
                where = "".join(f", {axis} {at}" for axis, at in block.index.items())
                return f"{title}{where}: {_described(block.box, block.voxels, voxels, differs)}"
            meter.add(title, block.voxels.nbytes)
    return None


def _differing(one: NDArray[Any], two: NDArray[Any]) -> NDArray[np.bool_]:
    """Which voxels differ; those that are no number in both are the same."""
    differs: NDArray[np.bool_] = one != two
    if one.dtype.kind == "f" and two.dtype.kind == "f":
        differs &= ~(np.isnan(one) & np.isnan(two))
    return differs


def _described(box: Box, one: NDArray[Any], two: NDArray[Any], differs: NDArray[np.bool_]) -> str:
    places = np.argwhere(differs)
    low, high = places[:, 1:].min(axis=0).tolist(), places[:, 1:].max(axis=0).tolist()
    x, y, z = (start + offset for start, offset in zip(box.offset, low, strict=True))
    size = [last - first + 1 for first, last in zip(low, high, strict=True)]
    channel, *place = places[0].tolist()
    first = ",".join(str(a + b) for a, b in zip(box.offset, place, strict=True))
    values = f"{one[tuple(places[0])]} against {two[tuple(places[0])]}"
    in_channel = f" in channel {channel}" if len(one) > 1 else ""
    return (
        f"{len(places):,} voxels differ in the box {x},{y},{z},{','.join(map(str, size))} (in "
        f"voxels of this mag), the first at {first}{in_channel}: {values}."
    )
