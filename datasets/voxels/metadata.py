"""Reading an array's metadata file, and the parts that the metadata of several formats share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from datasets.voxels.errors import VoxelsBroken, VoxelsMissing
from datasets.voxels.file_start import read_start
from datasets.voxels.limits import MAX_CHUNK_BYTES, MAX_LENGTH, MAX_METADATA_BYTES, MAX_RANK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Lengths = Annotated[
    list[Annotated[int, Field(ge=0, le=MAX_LENGTH)]], Field(min_length=2, max_length=MAX_RANK)
]
ChunkLengths = Annotated[
    list[Annotated[int, Field(ge=1, le=MAX_LENGTH)]], Field(min_length=2, max_length=MAX_RANK)
]

# The types that an element class can name; Zarr v3, N5 and precomputed use these words.
ELEMENT_TYPES: Final = (
    "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64",
)  # fmt: skip

Model = TypeVar("Model", bound=BaseModel)


def read_metadata(directory: Path, file: str, data_format: str, model: type[Model]) -> Model:
    """Parse the JSON file `file` of a mag.

    Raises VoxelsMissing where there is none, VoxelsBroken where it is too large, no JSON, or not
    what `model` wants.
    """
    try:
        data = read_start(directory / file, MAX_METADATA_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise VoxelsMissing(file, data_format) from None
    except OSError as error:
        raise VoxelsBroken(file, str(error.strerror)) from error
    if len(data) > MAX_METADATA_BYTES:
        raise VoxelsBroken(file, f"it has more than {MAX_METADATA_BYTES:,} bytes")
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        cause = f"{where}: {first['msg']}" if where else first["msg"]
        raise VoxelsBroken(file, cause) from error


def element_dtype(name: str) -> np.dtype[Any]:
    """Return the little-endian dtype of a Zarr v3, N5 or precomputed type; bool reads as uint8."""
    if name == "bool":
        return np.dtype("u1")
    if name not in ELEMENT_TYPES:
        raise ValueError(f"its data type {name} is not one of {', '.join(ELEMENT_TYPES)}")
    return np.dtype(name).newbyteorder("<")


def fill_value(value: Any, dtype: np.dtype[Any]) -> np.generic:
    """Parse a Zarr fill value: a number, `NaN`, `Infinity`, a hexadecimal bit pattern, or null."""
    try:
        if isinstance(value, str) and value.startswith("0x"):
            filled = np.frombuffer(int(value, 16).to_bytes(dtype.itemsize, "little"), dtype)
        else:
            filled = np.array([value or 0], dtype)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"its fill value {value!r} is no {dtype.name}") from None
    voxel: np.generic = filled[0]
    return voxel


def check_chunk(shape: Sequence[int], chunk: Sequence[int], dtype: np.dtype[Any]) -> None:
    """Raise ValueError unless chunks of this shape suit the array and can be decoded safely."""
    if len(shape) != len(chunk):
        raise ValueError(f"it declares {len(shape)} axes, but chunks with {len(chunk)}")
    size = math.prod(chunk) * dtype.itemsize
    if size > MAX_CHUNK_BYTES:
        raise ValueError(
            f"a chunk of {' x '.join(map(str, chunk))} elements has {size:,} bytes, "
            f"but at most {MAX_CHUNK_BYTES:,} can be read"
        )
