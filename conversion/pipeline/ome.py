"""OME-NGFF 0.5 metadata of a layer, which other tools read instead of its properties file."""

from collections.abc import Sequence
from typing import Any

from datasets.properties import Mag, VoxelSize

GROUP: dict[str, Any] = {"zarr_format": 3, "node_type": "group"}
"""The `zarr.json` of a group without attributes, such as a dataset."""


def layer_group(
    name: str, mags: Sequence[Mag], voxel_size: VoxelSize, further_axes: Sequence[str] = ()
) -> dict[str, Any]:
    """The `zarr.json` of a layer's group, whose arrays are named after the mags.

    Axes are c, x, y, z as stored, after `further_axes`. NGFF places a voxel by its centre, so that
    the first voxel of a coarser mag lies further in than that of mag 1. Categories, units of values
    and transformations between layers have no place in NGFF and are left out; beside channels it
    knows no axis but time, so that a layer with others is a plain group.
    Source: https://ngff.openmicroscopy.org/0.5/#multiscale-md
    """
    if list(further_axes) not in ([], ["t"]):
        return GROUP
    further = [{"name": axis, "type": "time"} for axis in further_axes]
    ones, zeros = [1.0] * len(further), [0.0] * len(further)
    space = [{"name": axis, "type": "space", "unit": voxel_size.unit.value} for axis in "xyz"]
    multiscale = {
        "name": name,
        "axes": [*further, {"name": "c", "type": "channel"}, *space],
        "datasets": [
            {
                "path": mag.literal,
                "coordinateTransformations": [
                    {"type": "scale", "scale": [*ones, 1.0, *_scale(mag, voxel_size)]},
                    {
                        "type": "translation",
                        "translation": [*zeros, 0.0, *_first_center(mag, voxel_size)],
                    },
                ],
            }
            for mag in mags
        ],
    }
    return {**GROUP, "attributes": {"ome": {"version": "0.5", "multiscales": [multiscale]}}}


def _scale(mag: Mag, voxel_size: VoxelSize) -> list[float]:
    return [length * factor for length, factor in zip(voxel_size.factor, mag, strict=True)]


def _first_center(mag: Mag, voxel_size: VoxelSize) -> list[float]:
    return [
        length * (factor - 1) / 2 for length, factor in zip(voxel_size.factor, mag, strict=True)
    ]
