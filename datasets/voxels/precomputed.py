"""Neuroglancer precomputed: what the `info` file above a mag declares of the mag's scale.

https://github.com/google/neuroglancer/blob/master/src/datasource/precomputed/volume.md
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from datasets.voxels.errors import VoxelsBroken
from datasets.voxels.limits import MAX_LENGTH
from datasets.voxels.metadata import check_chunk, element_dtype, fill_value, read_metadata
from datasets.voxels.stored import StoredArray

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "../info"
_MAX_SHARD_BITS: Final = 32
# An index of 16 bytes for every minishard: 64 MiB.
_MAX_MINISHARD_BITS: Final = 22

_Length = Annotated[int, Field(ge=1, le=MAX_LENGTH)]
_Coordinate = Annotated[int, Field(ge=-MAX_LENGTH, le=MAX_LENGTH)]


class _Sharding(BaseModel):
    model_config = ConfigDict(extra="allow")

    preshift_bits: int = Field(ge=0, le=64)
    minishard_bits: int = Field(ge=0, le=_MAX_MINISHARD_BITS)
    shard_bits: int = Field(ge=0, le=_MAX_SHARD_BITS)


class _Scale(BaseModel):
    key: str
    size: tuple[_Length, _Length, _Length]
    resolution: tuple[float, float, float]
    voxel_offset: tuple[_Coordinate, _Coordinate, _Coordinate] = (0, 0, 0)
    chunk_sizes: list[tuple[_Length, _Length, _Length]] = Field(min_length=1)
    encoding: str
    compressed_segmentation_block_size: tuple[_Length, _Length, _Length] | None = None
    sharding: _Sharding | None = None


class _Info(BaseModel):
    kind: Literal["image", "segmentation"] = Field(alias="type")
    data_type: str
    num_channels: int = Field(ge=1, le=2**16)
    scales: list[_Scale]


def read_precomputed(path: Path) -> StoredArray:
    """Read the metadata of the scale whose key is the name of the directory `path`.

    Its axes are x, y, z, c; x, y and z begin at the scale's voxel offset.
    """
    info = read_metadata(path, _FILE, "precomputed", _Info)
    scale = next((scale for scale in info.scales if scale.key == path.name), None)
    if scale is None:
        raise VoxelsBroken(_FILE, f"it has no scale with the key {path.name}")
    shape = (*scale.size, info.num_channels)
    # Where several chunk sizes are offered, each is a full copy of the data.
    chunk = (*scale.chunk_sizes[0], info.num_channels)
    try:
        dtype = element_dtype(info.data_type)
        check_chunk(shape, chunk, dtype)
    except ValueError as error:
        raise VoxelsBroken(_FILE, str(error)) from error
    return StoredArray(
        metadata_file=_FILE,
        shape=shape,
        origin=(*scale.voxel_offset, 0),
        chunk=chunk,
        dtype=dtype,
        fill_value=fill_value(None, dtype),
        spec={
            "driver": "neuroglancer_precomputed",
            "kvstore": {"driver": "file", "path": f"{path.parent}/"},
            "multiscale_metadata": {
                "type": info.kind,
                "data_type": info.data_type,
                "num_channels": info.num_channels,
            },
            "scale_metadata": scale.model_dump(exclude={"chunk_sizes"}, exclude_none=True)
            | {"chunk_size": scale.chunk_sizes[0]},
        },
        names=("x", "y", "z", "c"),
        file_name=None if scale.sharding else functools.partial(_file_name, scale),
    )


def _file_name(scale: _Scale, position: tuple[int, ...]) -> str:
    """The name of the file of the chunk at this position (x, y, z, c): its box of voxels."""
    spans = []
    for number, chunk, low, size in zip(
        position[:3], scale.chunk_sizes[0], scale.voxel_offset, scale.size, strict=True
    ):
        start, end = low + number * chunk, low + min((number + 1) * chunk, size)
        spans.append(f"{start}-{end}")
    return "_".join(spans)
