"""N5 groups of several scales, in the dialects that tools write, https://github.com/saalfeldlab/n5.

Known are `multiscales` with a transform for each array (COSEM) and `scales` or
`downsamplingFactors` of a group with arrays s0, s1 ... (n5-viewer, Neuroglancer).
"""

import math
from typing import Annotated, Any

from pydantic import BaseModel, Field

from datasets.properties.geometry import Mag, Vec3Float
from datasets.properties.infer.arrays import StoredArray, array_in, guessed_axes, nearest_factor
from datasets.properties.infer.folder import Folder
from datasets.properties.infer.found import FoundLayer
from datasets.properties.infer.layers import ArrayLayer, translation
from datasets.properties.model import VoxelSize
from datasets.properties.record import JsonObject
from datasets.properties.units import LengthUnit, parse_unit
from datasets.properties.validation import path_problem

SCALE_LIMIT = 64
Finite = Annotated[float, Field(allow_inf_nan=False)]
Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Transform(BaseModel):
    axes: list[str]
    scale: list[Factor]
    translate: list[Finite] | None = None
    units: list[str] | None = None

    def by_axis(self, values: list[float] | None, absent: float) -> Vec3Float:
        named = dict(zip(self.axes, values or [], strict=False))
        return named.get("x", absent), named.get("y", absent), named.get("z", absent)


class _Dataset(BaseModel):
    path: str
    transform: _Transform


class _Multiscale(BaseModel):
    name: str | None = None
    datasets: list[_Dataset] = Field(min_length=1, max_length=SCALE_LIMIT)


class _Multiscales(BaseModel):
    multiscales: list[_Multiscale] = Field(min_length=1)


def n5_layers(folder: Folder) -> list[FoundLayer]:
    """The layers of the N5 group that the folder is; empty where it is none."""
    attributes = folder.read_json("attributes.json") or {}
    if "multiscales" in attributes:
        parsed = folder.parse(_Multiscales, attributes, "attributes.json")
        multiscales = parsed.multiscales if parsed else []
        return [layer for one in multiscales for layer in _of_transforms(folder, one)]
    return _of_factors(folder, attributes)


def recorded_voxel_size(attributes: JsonObject) -> VoxelSize | None:
    """The voxel size in `pixelResolution` or `resolution` of a group or array, in µm by default."""
    recorded = attributes.get("pixelResolution", attributes.get("resolution"))
    units = attributes.get("units")
    unit = units[0] if isinstance(units, list) and units else None
    if isinstance(recorded, dict):
        unit, recorded = recorded.get("unit", unit), recorded.get("dimensions")
    return _voxel_size(recorded, unit)


def _voxel_size(factor: Any, unit: Any) -> VoxelSize | None:
    try:
        known = parse_unit(unit) if isinstance(unit, str) and unit else LengthUnit.MICROMETER
        size = VoxelSize(factor=factor, unit=known)
    except ValueError:
        return None
    return size if all(0 < length < math.inf for length in size.factor) else None


def _of_transforms(folder: Folder, multiscale: _Multiscale) -> list[FoundLayer]:
    datasets = sorted(
        multiscale.datasets,
        key=lambda dataset: max(dataset.transform.by_axis(dataset.transform.scale, 0.0)),
    )
    finest = datasets[0].transform
    sizes = finest.by_axis(finest.scale, 1.0)
    arrays: list[tuple[Mag, StoredArray]] = []
    for dataset in datasets:
        scale = dataset.transform.by_axis(dataset.transform.scale, 1.0)
        ratios = [high / low if low > 0 else 0.0 for low, high in zip(sizes, scale, strict=True)]
        _add_scale(arrays, folder, dataset.path, ratios)
    offsets = finest.by_axis(finest.translate, 0.0)
    x, y, z = (offset / size if size else 0.0 for offset, size in zip(offsets, sizes, strict=True))
    unit = finest.units[0] if finest.units else None
    size = _voxel_size(sizes, unit)
    return _layer(folder, multiscale.name or folder.name, arrays, size, (x, y, z))


def _of_factors(folder: Folder, attributes: JsonObject) -> list[FoundLayer]:
    factors = attributes.get("scales", attributes.get("downsamplingFactors"))
    listed = factors[:SCALE_LIMIT] if isinstance(factors, list) else []
    arrays: list[tuple[Mag, StoredArray]] = []
    if not listed and (first := array_in(folder.child("s0"))):
        arrays.append((Mag(1, 1, 1), first))
        # Without a list, each array says itself how coarse it is.
        for number in range(1, SCALE_LIMIT):
            array = array_in(folder.child(f"s{number}"))
            if array is None:
                break
            _add_scale(arrays, folder, f"s{number}", array.attributes.get("downsamplingFactors"))
    for number, ratios in enumerate(listed):
        _add_scale(arrays, folder, f"s{number}", ratios)
    size = recorded_voxel_size(attributes)
    if size is None and arrays:
        size = recorded_voxel_size(arrays[0][1].attributes)
    return _layer(folder, folder.name, arrays, size, (0.0, 0.0, 0.0))


def _add_scale(
    arrays: list[tuple[Mag, StoredArray]], folder: Folder, path: str, ratios: Any
) -> None:
    if problem := path_problem(path):
        folder.problem(f"In {folder.shown}: {problem}")
        return
    array = array_in(folder.child(path))
    if array is None:
        folder.problem(f"The group {folder.shown} has no array at its path {path!r}.")
        return
    numbers = [r for r in ratios if isinstance(r, int | float)] if isinstance(ratios, list) else []
    factors = [factor for ratio in numbers if (factor := nearest_factor(ratio))]
    if len(factors) != 3:
        folder.problem(
            f"The array {array.folder.shown} is left out: its scale is not a power of two of that "
            "of the finest array."
        )
        return
    arrays.append((Mag(*factors), array))


def _layer(
    folder: Folder,
    name: str,
    arrays: list[tuple[Mag, StoredArray]],
    voxel_size: VoxelSize | None,
    offset: Vec3Float,
) -> list[FoundLayer]:
    if not arrays:
        return []
    axes = arrays[0][1].axes or guessed_axes(arrays[0][1])
    if axes is None:
        folder.problem(f"The axes of the group {folder.shown} are unknown.")
        return []
    if not all(map(math.isfinite, offset)):
        folder.problem(f"The group {folder.shown} is not moved: its translation is too far.")
        offset = 0.0, 0.0, 0.0
    layer = ArrayLayer(name, arrays, axes, transformations=translation(offset))
    return [FoundLayer(found, voxel_size) for found in layer.as_layers()]
