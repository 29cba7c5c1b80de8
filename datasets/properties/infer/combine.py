"""Bringing layers of different voxel sizes into one space, whose voxels are the finest of all."""

from collections.abc import Sequence

from datasets.properties.geometry import Mag
from datasets.properties.infer.folder import Report
from datasets.properties.infer.found import FoundLayer
from datasets.properties.infer.layers import unique_names
from datasets.properties.model import CoordinateTransformation, Layer, VoxelSize

TOLERANCE = 1e-3  # of a recorded voxel size, which went through decimal text and floats


def combined(found: Sequence[FoundLayer], report: Report) -> tuple[VoxelSize | None, list[Layer]]:
    """The voxel size of the dataset, None where no layer records one, and the layers in it.

    A layer that records none counts as having it. One whose voxels are no power of two of the
    finest is left out and reported.
    """
    sizes = [layer.voxel_size for layer in found if layer.voxel_size is not None]
    base = min(sizes, key=lambda size: (max(size.nanometers), size.nanometers), default=None)
    layers: list[Layer] = []
    for one in found:
        factor = Mag(1, 1, 1) if base is None else _factor(one.voxel_size or base, base)
        if factor is None:
            report.problems.append(
                f"The layer {one.layer.name!r} is left out: its voxel size is not a power of two "
                "of the finest layer's; make a dataset of its own of it."
            )
        else:
            layers.append(_in_finer_voxels(one.layer, factor))
    return base, unique_names(layers)


def _factor(size: VoxelSize, base: VoxelSize) -> Mag | None:
    factors: list[int] = []
    for length, finest in zip(size.nanometers, base.nanometers, strict=True):
        ratio = length / finest
        factor = round(ratio)
        if factor < 1 or factor & (factor - 1) or abs(ratio / factor - 1) > TOLERANCE:
            return None
        factors.append(factor)
    return Mag(*factors)


def _in_finer_voxels(layer: Layer, factor: Mag) -> Layer:
    if factor == Mag(1, 1, 1):
        return layer
    mags = tuple(
        properties.model_copy(
            update={"mag": Mag(*(m * f for m, f in zip(properties.mag, factor, strict=True)))}
        )
        for properties in layer.mags
    )
    return layer.model_copy(
        update={
            "mags": mags,
            "bounding_box": layer.bounding_box.from_mag(factor),
            "coordinate_transformations": tuple(
                _scaled_translation(one, factor) for one in layer.coordinate_transformations
            ),
        }
    )


def _scaled_translation(one: CoordinateTransformation, factor: Mag) -> CoordinateTransformation:
    if one.matrix is None:
        return one
    scales = (*factor, 1)
    rows = [(*row[:3], row[3] * scale) for row, scale in zip(one.matrix, scales, strict=True)]
    return CoordinateTransformation.model_validate({"type": one.type, "matrix": rows})
