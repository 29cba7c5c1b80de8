"""Zarr v2: what `.zarray` declares. https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel

from datasets.voxels.array import ByteCodec
from datasets.voxels.errors import VoxelsBroken
from datasets.voxels.metadata import (
    ChunkLengths,
    Lengths,
    check_chunk,
    element_dtype,
    fill_value,
    read_metadata,
)
from datasets.voxels.stored import ChunkEncoding, ChunkLocation, KeyEncoding, StoredArray

if TYPE_CHECKING:
    from pathlib import Path

_FILE = ".zarray"
_DTYPE = re.compile(r"[<>|](b1|[ui][1248]|f[248])")
_SHUFFLES = {0: "noshuffle", 1: "shuffle", 2: "bitshuffle"}
_AUTOSHUFFLE = -1


class _Zarray(BaseModel):
    zarr_format: Literal[2]
    shape: Lengths
    chunks: ChunkLengths
    dtype: str
    compressor: dict[str, Any] | None
    fill_value: Any = None
    order: Literal["C", "F"]
    filters: list[Any] | None = None
    dimension_separator: Literal[".", "/"] = "."


def read_zarr2(path: Path) -> StoredArray:
    """Read the metadata of the Zarr v2 array in the directory `path`."""
    metadata = read_metadata(path, _FILE, "Zarr v2", _Zarray)
    try:
        return _stored_array(path, metadata)
    except ValueError as error:
        raise VoxelsBroken(_FILE, str(error)) from error


def _stored_array(path: Path, metadata: _Zarray) -> StoredArray:
    if not _DTYPE.fullmatch(metadata.dtype):
        raise ValueError(f"its data type {metadata.dtype} is not one that can be shown")
    if metadata.filters:
        raise ValueError("it uses filters, which can't be decoded")
    stored_dtype = np.dtype(metadata.dtype)
    dtype = element_dtype(stored_dtype.name)
    check_chunk(metadata.shape, metadata.chunks, dtype)
    axes = tuple(range(len(metadata.shape)))
    steps = _steps(metadata.compressor, dtype.itemsize)
    return StoredArray(
        metadata_file=_FILE,
        shape=tuple(metadata.shape),
        origin=(0,) * len(metadata.shape),
        chunk=tuple(metadata.chunks),
        dtype=dtype,
        fill_value=fill_value(metadata.fill_value, dtype),
        spec={
            "driver": "zarr",
            "kvstore": {"driver": "file", "path": f"{path}/"},
            "metadata": metadata.model_dump() | {"filters": None},
        },
        location=ChunkLocation(KeyEncoding((), metadata.dimension_separator)),
        encoding=ChunkEncoding(
            axes=axes if metadata.order == "C" else axes[::-1],
            dtype=stored_dtype if stored_dtype.kind != "b" else dtype,
            steps=steps,
        ),
        blosc_offset=0 if any(step.name == "blosc" for step in steps) else None,
    )


def _steps(compressor: dict[str, Any] | None, itemsize: int) -> tuple[ByteCodec, ...]:
    """Put a numcodecs compressor into the words of Zarr v3."""
    if compressor is None:
        return ()
    configuration = dict(compressor)
    name = str(configuration.pop("id", ""))
    if name == "blosc":
        shuffle = configuration.get("shuffle", 1)
        if shuffle == _AUTOSHUFFLE:
            shuffle = 2 if itemsize == 1 else 1
        if shuffle not in _SHUFFLES:
            raise ValueError(f"its blosc shuffle {shuffle} is unknown")
        configuration |= {"shuffle": _SHUFFLES[shuffle], "typesize": itemsize}
    return (ByteCodec(name, configuration),)
