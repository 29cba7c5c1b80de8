"""Brings layers of different voxel sizes into one dataset.

The dataset's voxel size is the finest that any layer stores, per axis, or the one that was asked
for. A layer is re-expressed by multiplying its mags and box; where no mags can express the ratio,
it is moved by an affine scaling. Layers with transformations keep their mags: the scaling follows
their own transformations. (The rule that remote sources are merged by, too.)
"""

import math
from collections import defaultdict
from collections.abc import Sequence

from datasets.properties import (
    BoundingBox,
    CoordinateTransformation,
    Layer,
    LengthUnit,
    Mag,
    MagProperties,
    Vec3Float,
    VoxelSize,
)
from sharing.errors import Invalid

_TOLERANCE = 1e-4  # relative: voxel sizes are typed by people


def common_voxel_size(layers: Sequence[tuple[Layer, VoxelSize]]) -> VoxelSize:
    """The voxel size of a dataset of these layers, each with that of its own dataset."""
    sizes = [size for _, size in layers]
    if all(_is_equal(size.nanometers, sizes[0].nanometers) for size in sizes):
        return sizes[0]
    stored = [
        tuple(length * factor for length, factor in zip(size.nanometers, mag.mag, strict=True))
        for layer, size in layers
        for mag in layer.mags
    ] or [size.nanometers for size in sizes]
    unit = sizes[0].unit
    x, y, z = (min(lengths) / unit.nanometers for lengths in zip(*stored, strict=True))
    return VoxelSize(factor=(x, y, z), unit=unit)


def in_voxel_size(
    layers: Sequence[tuple[Layer, VoxelSize]], target: VoxelSize, *, is_chosen: bool
) -> tuple[Layer, ...]:
    """The layers as they are in a dataset of voxel size `target`, which a person chose or not.

    Raises Invalid where only a chosen voxel size could be reached, by scaling.
    """
    rescaled = tuple(_rescaled(layer, size, target, is_chosen) for layer, size in layers)
    if any(after is not before for after, (before, _) in zip(rescaled, layers, strict=True)):
        _check_shapes(rescaled)
    return rescaled


def _rescaled(layer: Layer, size: VoxelSize, target: VoxelSize, is_chosen: bool) -> Layer:
    if _is_equal(size.nanometers, target.nanometers):
        return layer
    x, y, z = (
        a / b if b else math.inf for a, b in zip(size.nanometers, target.nanometers, strict=True)
    )
    ratio = (x, y, z)
    if not all(0 < times < math.inf for times in ratio):
        raise Invalid(
            f"The layer '{layer.name}' has voxels of {_words(size)}, which can't be expressed in "
            f"voxels of {_words(target)}: the ratio is beyond all numbers. Name another voxel size."
        )
    if not layer.coordinate_transformations:
        mags = [_times(mag, ratio) for mag in layer.mags]
        if mags and all(mags):
            return layer.model_copy(
                update={
                    "mags": tuple(mag for mag in mags if mag is not None),
                    "bounding_box": _scaled_box(layer.bounding_box, ratio),
                }
            )
        if not is_chosen:
            raise Invalid(
                f"The layer '{layer.name}' has voxels of {_words(size)}, which no mags fit into "
                f"voxels of {_words(target)}: the ratio must be a power of two on each axis. Name "
                "a voxel size, or give the layer a transformation."
            )
    scaling = CoordinateTransformation(
        type="affine",
        matrix=((x, 0.0, 0.0, 0.0), (0.0, y, 0.0, 0.0), (0.0, 0.0, z, 0.0), (0.0, 0.0, 0.0, 1.0)),
    )
    transformations = (*layer.coordinate_transformations, scaling)
    return layer.model_copy(update={"coordinate_transformations": transformations})


def _times(mag: MagProperties, ratio: Vec3Float) -> MagProperties | None:
    """The mag in voxels that are smaller by `ratio`; None where that is no mag."""
    factors = []
    for factor, times in zip(mag.mag, ratio, strict=True):
        power = round(math.log2(times))
        exact = factor * 2.0**power
        if not math.isclose(times, 2.0**power, rel_tol=_TOLERANCE) or exact != int(exact):
            return None
        factors.append(int(exact))
    x, y, z = factors
    return mag.model_copy(update={"mag": Mag(x, y, z)})


def _scaled_box(box: BoundingBox, ratio: Vec3Float) -> BoundingBox:
    """The smallest box of whole voxels around the box, times a ratio of powers of two."""
    exact = [2.0 ** round(math.log2(times)) for times in ratio]
    left, top, front = (math.floor(p * s) for p, s in zip(box.top_left, exact, strict=True))
    right, bottom, back = (math.ceil(p * s) for p, s in zip(box.bottom_right, exact, strict=True))
    return BoundingBox.between((left, top, front), (right, bottom, back))


def _check_shapes(layers: Sequence[Layer]) -> None:
    shapes: dict[int, set[Mag]] = defaultdict(set)
    for layer in layers:
        if not layer.coordinate_transformations:
            for mag in layer.mags:
                shapes[max(mag.mag)].add(mag.mag)
    for found in shapes.values():
        if len(found) > 1:
            literals = " and ".join(sorted(mag.literal for mag in found))
            raise Invalid(
                f"In one voxel size the layers would have the mags {literals}, which do not go "
                "together. Name another voxel size, or give a layer a transformation."
            )


def _is_equal(first: Vec3Float, second: Vec3Float) -> bool:
    return all(math.isclose(a, b, rel_tol=_TOLERANCE) for a, b in zip(first, second, strict=True))


def _words(size: VoxelSize) -> str:
    x, y, z = size.factor
    return f"{x:g} x {y:g} x {z:g} {LengthUnit(size.unit).value}"
