"""The metadata of one stored array: Zarr v2, Zarr v3 or N5."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from datasets.properties.infer.folder import Folder
from datasets.properties.model import DataFormat
from datasets.properties.record import JsonObject

Shape = Annotated[list[Annotated[int, Field(ge=1, le=2**40)]], Field(min_length=2, max_length=16)]
LARGEST_CHANNEL_AXIS = 4  # a longer first axis of an array without names is no channel axis
SPELLINGS = {"channel": "c", "channels": "c", "time": "t"}


class _ZarrV2(BaseModel):
    shape: Shape
    dtype: str


class _ZarrV3(BaseModel):
    shape: Shape
    data_type: str
    dimension_names: list[str | None] | None = None


class _N5(BaseModel):
    dimensions: Shape
    dataType: str  # noqa: N815 - the file's own name


@dataclass(frozen=True)
class StoredArray:
    """`axes` names the array's axes in stored order, where the array itself says it."""

    folder: Folder
    data_format: DataFormat
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    axes: tuple[str, ...] | None
    attributes: JsonObject


def array_in(folder: Folder) -> StoredArray | None:
    """The array that the folder is, or None; broken metadata is reported."""
    if (document := folder.read_json("zarr.json")) and document.get("node_type") == "array":
        return _zarr_v3(folder, document)
    if document := folder.read_json(".zarray"):
        return _zarr_v2(folder, document)
    if (document := folder.read_json("attributes.json")) and "dimensions" in document:
        return _n5(folder, document)
    return None


def _zarr_v3(folder: Folder, document: JsonObject) -> StoredArray | None:
    array = folder.parse(_ZarrV3, document, "zarr.json")
    if array is None:
        return None
    names, attributes = array.dimension_names, document.get("attributes")
    return _array(folder, DataFormat.ZARR3, array.shape, array.data_type, names, attributes)


def _zarr_v2(folder: Folder, document: JsonObject) -> StoredArray | None:
    array = folder.parse(_ZarrV2, document, ".zarray")
    if array is None:
        return None
    attributes = folder.read_json(".zattrs") or {}
    names = attributes.get("_ARRAY_DIMENSIONS")  # as xarray writes them
    return _array(folder, DataFormat.ZARR, array.shape, array.dtype, names, attributes)


def _n5(folder: Folder, document: JsonObject) -> StoredArray | None:
    array = folder.parse(_N5, document, "attributes.json")
    if array is None:
        return None
    names = document.get("axes")
    return _array(folder, DataFormat.N5, array.dimensions, array.dataType, names, document)


def _array(
    folder: Folder,
    data_format: DataFormat,
    shape: list[int],
    type_name: str,
    axes: object,
    attributes: object,
) -> StoredArray | None:
    try:
        # One bit a voxel is read as 0 and 1.
        dtype = np.dtype("uint8" if type_name in ("bool", "|b1") else type_name).newbyteorder("=")
    except (TypeError, ValueError):
        folder.problem(f"The array {folder.shown} has voxels of unknown type {type_name!r}.")
        return None
    return StoredArray(
        folder,
        data_format,
        tuple(shape),
        dtype,
        _known_axes(axes, len(shape)),
        attributes if isinstance(attributes, dict) else {},
    )


def _known_axes(names: Any, rank: int) -> tuple[str, ...] | None:
    if not isinstance(names, list) or len(names) != rank:
        return None
    if not all(isinstance(name, str) and name for name in names):
        return None
    axes = tuple(axis_name(name) for name in names)
    return axes if {"x", "y"} <= set(axes) and len(set(axes)) == rank else None


def axis_name(name: str) -> str:
    """An axis' name as this site writes it: `c`, `t`, `x` ..."""
    return SPELLINGS.get(name.lower(), name.lower())


def guessed_axes(array: StoredArray) -> tuple[str, ...] | None:
    """The axes of an array without names, or None where there is no good guess.

    N5 puts x first, Zarr puts it last; a short first axis holds channels.
    """
    spatial = ("x", "y", "z") if array.data_format is DataFormat.N5 else ("z", "y", "x")
    match len(array.shape):
        case 2:
            return tuple(axis for axis in spatial if axis != "z")
        case 3:
            return spatial
        case 4 if array.shape[0] <= LARGEST_CHANNEL_AXIS:
            return ("c", *spatial)
        case 4 if array.data_format is DataFormat.N5:
            return (*spatial, "c")
    return None


def nearest_factor(ratio: float) -> int | None:
    """The power of two that a ratio of scales or lengths rounds to, or None."""
    # Compared, not converted: a JSON number may be an integer that no float holds.
    if not 0.5 < ratio < 2**30:
        return None
    factor = max(1, round(ratio))
    return factor if factor & (factor - 1) == 0 else None
