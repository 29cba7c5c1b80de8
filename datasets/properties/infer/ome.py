"""OME-NGFF images, https://ngff.openmicroscopy.org: in Zarr v2 (0.4) and v3 (0.5), with what the
`omero` block says of their display, and with their labels.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from datasets.properties.geometry import Mag, Vec3Float
from datasets.properties.infer.arrays import (
    StoredArray,
    array_in,
    axis_name,
    guessed_axes,
    nearest_factor,
)
from datasets.properties.infer.folder import Folder
from datasets.properties.infer.found import FoundLayer
from datasets.properties.infer.layers import ArrayLayer, Channel, translation
from datasets.properties.model import Category, VoxelSize
from datasets.properties.record import JsonObject
from datasets.properties.units import LengthUnit, parse_unit
from datasets.properties.validation import path_problem
from datasets.properties.view import clean_layer

RGB_COLORS = ["FF0000", "00FF00", "0000FF"]
AXES_BEFORE_0_4 = ["t", "c", "z", "y", "x"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Axis(BaseModel):
    name: str
    unit: str | None = None


class _Transformation(BaseModel):
    type: str
    scale: list[Factor] | None = None
    translation: list[Finite] | None = None


class _Dataset(BaseModel):
    path: str
    coordinateTransformations: list[_Transformation] = []  # noqa: N815 - the files' own name


class _Multiscale(BaseModel):
    name: str | None = None
    axes: list[_Axis | str] | None = None
    datasets: list[_Dataset] = Field(min_length=1)
    coordinateTransformations: list[_Transformation] = []  # noqa: N815


class _Image(BaseModel):
    multiscales: list[_Multiscale]


@dataclass(frozen=True)
class _Level:
    """One array of an image; `scale` and `offset` are in the units of the image's axes."""

    path: str
    array: StoredArray
    scale: dict[str, float] | None
    offset: dict[str, float]


def ome_layers(folder: Folder) -> list[FoundLayer]:
    """The layers of the OME image that the folder is, of its labels too; empty for none."""
    attributes = ome_attributes(folder)
    layers: list[FoundLayer] = []
    if "multiscales" in attributes:
        layers += _image_layers(folder, attributes, folder.name, None)
    labels = folder.child("labels")
    listed = ome_attributes(labels).get("labels", []) if layers else []
    for path in listed if isinstance(listed, list) else []:
        if not isinstance(path, str) or path_problem(path):
            labels.problem(f"The label {path!r} of {folder.shown} is not a path inside it.")
            continue
        label = labels.child(path)
        layers += _image_layers(
            label, ome_attributes(label), f"labels-{path}", Category.SEGMENTATION
        )
    return layers


def ome_attributes(folder: Folder) -> JsonObject:
    """What the folder's Zarr attributes say in OME's words; 0.5 keeps them under a key `ome`."""
    if found := folder.read_json(".zattrs"):
        return found
    attributes = (folder.read_json("zarr.json") or {}).get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    ome = attributes.get("ome")
    return ome if isinstance(ome, dict) else attributes


def _image_layers(
    folder: Folder, attributes: JsonObject, name: str, category: Category | None
) -> list[FoundLayer]:
    file = ".zattrs" if (folder.path / ".zattrs").exists() else "zarr.json"
    image = folder.parse(_Image, attributes, file)
    layers: list[FoundLayer] = []
    for multiscale in image.multiscales if image else []:
        layers += _multiscale_layers(folder, multiscale, attributes.get("omero"), name, category)
    return layers


def _multiscale_layers(
    folder: Folder, multiscale: _Multiscale, omero: Any, name: str, category: Category | None
) -> list[FoundLayer]:
    described = [
        axis if isinstance(axis, _Axis) else _Axis(name=axis) for axis in multiscale.axes or []
    ]
    described = [axis.model_copy(update={"name": axis_name(axis.name)}) for axis in described]
    levels = _levels(folder, multiscale, described)
    if not levels:
        return []
    axes = _stored_axes(levels[0].array, described)
    if axes is None:
        folder.problem(
            f"The image {folder.shown} is left out: its OME axes ({_listed(described)}) do not fit "
            f"its array {levels[0].path!r} of {len(levels[0].array.shape)} axes. Correct them."
        )
        return []
    if described and len(described) != len(axes):
        folder.report.missing.append(f"axes of the image {folder.shown}")
        folder.problem(
            f"The OME axes of the image {folder.shown} ({_listed(described)}) do not fit its array "
            f"{levels[0].path!r} of {len(axes)} axes. These are taken to be {', '.join(axes)}: "
            "check voxel size and bounding box."
        )
    sized = _voxel_size(folder, levels, described)
    offset = _offset(levels[0])
    if not all(map(math.isfinite, offset)):
        folder.problem(f"The image {folder.shown} is not moved: its OME translation is too far.")
        offset = 0.0, 0.0, 0.0
    arrays = [(mag, level.array) for level in levels if (mag := _mag(levels[0], level, axes))]
    for level in levels:
        if level.array not in [array for _, array in arrays]:
            folder.problem(
                f"The array {level.array.folder.shown} is left out: its scale is not a power of "
                "two of that of the finest array."
            )
    layer = ArrayLayer(
        name=name if category else multiscale.name or name,
        arrays=arrays,
        axes=axes,
        category=category,
        transformations=translation(offset),
    )
    channels = [] if category else _channels(omero)
    may_be_rgb = _colors(omero) in ([], RGB_COLORS)
    return [FoundLayer(found, sized) for found in layer.as_layers(channels, may_be_rgb=may_be_rgb)]


def _levels(folder: Folder, multiscale: _Multiscale, described: list[_Axis]) -> list[_Level]:
    """The arrays that are there, finest first."""
    levels: list[_Level] = []
    names = [axis.name for axis in described]
    for dataset in multiscale.datasets:
        if problem := path_problem(dataset.path):
            folder.problem(f"In {folder.shown}: {problem}")
            continue
        array = _array_at(folder, dataset.path)
        if array is None:
            folder.problem(f"The image {folder.shown} has no array at its path {dataset.path!r}.")
            continue
        scale: dict[str, float] | None = None
        offset = dict.fromkeys(names, 0.0)
        for step in [*dataset.coordinateTransformations, *multiscale.coordinateTransformations]:
            if step.scale and len(step.scale) == len(names):
                factors = dict(zip(names, step.scale, strict=True))
                scale = {axis: (scale or {}).get(axis, 1.0) * factors[axis] for axis in names}
                offset = {axis: offset[axis] * factors[axis] for axis in names}
            if step.translation and len(step.translation) == len(names):
                steps = dict(zip(names, step.translation, strict=True))
                offset = {axis: offset[axis] + steps[axis] for axis in names}
        levels.append(_Level(dataset.path, array, scale, offset))
    if any(level.scale is None for level in levels):
        return levels
    return sorted(levels, key=lambda level: max(_spatial(level.scale or {}, 1.0)))


def _array_at(folder: Folder, path: str) -> StoredArray | None:
    if array := array_in(folder.child(path)):
        return array
    # Older writers of this format name the array 1-1-1 and call it 1 in the metadata.
    if path.isdigit() and int(path) > 0:
        return array_in(folder.child(Mag.parse(path).long_literal))
    return None


def _stored_axes(array: StoredArray, described: list[_Axis]) -> tuple[str, ...] | None:
    rank = len(array.shape)
    names = tuple(axis.name for axis in described)
    if len(names) == rank:
        return names if {"x", "y"} <= set(names) and len(set(names)) == rank else None
    if described:
        # The array's own names are the better witness where the image's do not fit.
        return array.axes or guessed_axes(array)
    return array.axes or (tuple(AXES_BEFORE_0_4) if rank == 5 else guessed_axes(array))


def _listed(axes: list[_Axis]) -> str:
    return ", ".join(axis.name for axis in axes)


def _voxel_size(folder: Folder, levels: list[_Level], described: list[_Axis]) -> VoxelSize | None:
    """The size of a voxel of the finest array, in the smallest unit of its axes."""
    scale = levels[0].scale
    if scale is None or not {"x", "y"} <= set(scale):
        return None
    try:
        named = {axis.name: parse_unit(axis.unit) for axis in described if axis.unit}
    except ValueError as error:
        folder.problem(f"The voxel size of {folder.shown} is unknown: {error}.")
        return None
    units = {axis: named.get(axis, LengthUnit.NANOMETER) for axis in "xyz" if axis in scale}
    unit = min(units.values(), key=lambda unit: unit.nanometers)
    factors = {axis: scale[axis] * units[axis].nanometers / unit.nanometers for axis in units}
    x, y, z = _spatial(factors, min(factors.values()))
    # Products of numbers that are in range need not be.
    is_size = all(0 < length < math.inf for length in (x, y, z))
    return VoxelSize(factor=(x, y, z), unit=unit) if is_size else None


def _mag(finest: _Level, level: _Level, axes: tuple[str, ...]) -> Mag | None:
    if finest.scale and level.scale:
        fine, coarse = _spatial(finest.scale, 1.0), _spatial(level.scale, 1.0)
        ratios = [high / low if low > 0 else 0 for low, high in zip(fine, coarse, strict=True)]
    elif len(finest.array.shape) == len(level.array.shape) == len(axes):
        places = [axes.index(axis) if axis in axes else None for axis in "xyz"]
        ratios = [
            1.0 if place is None else finest.array.shape[place] / level.array.shape[place]
            for place in places
        ]
    else:
        return None
    factors = [factor for ratio in ratios if (factor := nearest_factor(ratio))]
    return Mag(*factors) if len(factors) == 3 else None


def _offset(finest: _Level) -> Vec3Float:
    if not finest.scale:
        return 0.0, 0.0, 0.0
    sizes = _spatial(finest.scale, 1.0)
    x, y, z = (
        offset / size if size else 0.0
        for offset, size in zip(_spatial(finest.offset, 0.0), sizes, strict=True)
    )
    return x, y, z


def _spatial(values: dict[str, float], absent: float) -> Vec3Float:
    return values.get("x", absent), values.get("y", absent), values.get("z", absent)


class _Window(BaseModel):
    start: Finite | None = None
    end: Finite | None = None
    min: Finite | None = None
    max: Finite | None = None


class _OmeroChannel(BaseModel):
    label: str | None = None
    color: str | None = None
    window: _Window = _Window()
    inverted: bool = False
    active: bool = True


class _Omero(BaseModel):
    channels: list[_OmeroChannel] = []


def _omero_channels(omero: Any) -> list[_OmeroChannel]:
    try:
        return _Omero.model_validate(omero).channels
    except ValidationError:
        return []  # display hints are no reason to refuse an image


def _colors(omero: Any) -> list[str]:
    return [(channel.color or "").upper() for channel in _omero_channels(omero)]


def _channels(omero: Any) -> list[Channel]:
    channels: list[Channel] = []
    for channel in _omero_channels(omero):
        window = channel.window
        view: JsonObject = {
            "color": _rgb(channel.color),
            "intensityRange": [window.start, window.end],
            "min": window.min,
            "max": window.max,
            "isInverted": channel.inverted,
            "isDisabled": not channel.active,
        }
        channels.append(Channel(channel.label, clean_layer(view)))
    return channels


def _rgb(color: str | None) -> list[int] | None:
    try:
        return list(bytes.fromhex((color or "").removeprefix("#")[:6])) or None
    except ValueError:
        return None
