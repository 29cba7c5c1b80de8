"""Zarr v3: what `zarr.json` declares, sharding and transposition included.

https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ValidationError

from datasets.voxels.array import ByteCodec
from datasets.voxels.errors import VoxelsBroken
from datasets.voxels.limits import MAX_SHARD_CHUNKS
from datasets.voxels.metadata import (
    ChunkLengths,
    Lengths,
    check_chunk,
    element_dtype,
    fill_value,
    read_metadata,
)
from datasets.voxels.shards import ShardLayout
from datasets.voxels.stored import ChunkEncoding, ChunkLocation, KeyEncoding, StoredArray

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "zarr.json"


class _Codec(BaseModel):
    name: str
    configuration: dict[str, Any] = {}


def _named(value: Any) -> Any:
    """Accept the short form of a codec without configuration, its bare name."""
    return {"name": value} if isinstance(value, str) else value


_Codecs = list[Annotated[_Codec, BeforeValidator(_named)]]


class _GridConfiguration(BaseModel):
    chunk_shape: ChunkLengths


class _Grid(BaseModel):
    name: Literal["regular"]
    configuration: _GridConfiguration


class _KeyConfiguration(BaseModel):
    separator: Literal[".", "/"] | None = None


class _Keys(BaseModel):
    name: Literal["default", "v2"]
    configuration: _KeyConfiguration = _KeyConfiguration()


class _ZarrJson(BaseModel):
    zarr_format: Literal[3]
    node_type: Literal["array"]
    shape: Lengths
    data_type: str
    chunk_grid: _Grid
    chunk_key_encoding: Annotated[_Keys, BeforeValidator(_named)]
    fill_value: Any
    codecs: _Codecs


class _Sharding(BaseModel):
    chunk_shape: ChunkLengths
    codecs: _Codecs
    index_codecs: _Codecs
    index_location: Literal["start", "end"] = "end"


@dataclass(frozen=True, slots=True)
class _Chain:
    """A list of codecs, sorted: transpositions, the codec that makes bytes, codecs of bytes."""

    axes: tuple[int, ...]
    to_bytes: _Codec
    steps: tuple[ByteCodec, ...]


@dataclass(frozen=True, slots=True)
class _Layout:
    """The smallest unit that can be read, its codecs, and how shards hold it."""

    chunk: tuple[int, ...]
    chain: _Chain
    shard: ShardLayout | None


def read_zarr3(path: Path) -> StoredArray:
    """Read the metadata of the Zarr v3 array in the directory `path`."""
    metadata = read_metadata(path, _FILE, "Zarr v3", _ZarrJson)
    try:
        return _stored_array(path, metadata)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise VoxelsBroken(_FILE, f"its sharding codec is wrong: {first['msg']}") from error
    except ValueError as error:
        raise VoxelsBroken(_FILE, str(error)) from error


def _stored_array(path: Path, metadata: _ZarrJson) -> StoredArray:
    shape = tuple(metadata.shape)
    dtype = element_dtype(metadata.data_type)
    layout = _layout(metadata)
    check_chunk(shape, layout.chunk, dtype)
    return StoredArray(
        metadata_file=_FILE,
        shape=shape,
        origin=(0,) * len(shape),
        chunk=layout.chunk,
        dtype=dtype,
        fill_value=fill_value(metadata.fill_value, dtype),
        spec={
            "driver": "zarr3",
            "kvstore": {"driver": "file", "path": f"{path}/"},
            "metadata": metadata.model_dump(exclude_none=True),
        },
        location=ChunkLocation(_key_encoding(metadata.chunk_key_encoding), layout.shard),
        encoding=ChunkEncoding(
            axes=layout.chain.axes,
            dtype=dtype.newbyteorder(_byte_order(layout.chain.to_bytes)),
            steps=layout.chain.steps,
        ),
        blosc_offset=_blosc_offset(layout.chain.steps),
    )


def _layout(metadata: _ZarrJson) -> _Layout:
    """Sort out what is a chunk: of the grid or, where the grid has shards, inside a shard."""
    chunk = tuple(metadata.chunk_grid.configuration.chunk_shape)
    chain = _chain(metadata.codecs, len(metadata.shape))
    if chain.to_bytes.name == "bytes":
        return _Layout(chunk, chain, None)
    if chain.steps or metadata.codecs[0].name == "transpose":
        raise ValueError("its shards are transposed or compressed as a whole, which can't be read")
    sharding = _Sharding.model_validate(chain.to_bytes.configuration)
    inner = _chain(sharding.codecs, len(metadata.shape))
    if inner.to_bytes.name != "bytes":
        raise ValueError("its shards hold shards, which can't be read")
    return _Layout(tuple(sharding.chunk_shape), inner, _shard_layout(chunk, sharding))


def _blosc_offset(steps: tuple[ByteCodec, ...]) -> int | None:
    """Where a stored chunk has its Blosc header: at its start, a checksum being at its end."""
    names = [step.name for step in steps if step.name != "crc32c"]
    if "blosc" not in names:
        return None
    if names != ["blosc"]:
        raise ValueError(f"it compresses with {' and '.join(names)} together, which can't be read")
    return 0


def _chain(codecs: list[_Codec], rank: int) -> _Chain:
    axes = tuple(range(rank))
    for position, codec in enumerate(codecs):
        if codec.name == "transpose":
            order = _transpose_order(codec.configuration.get("order"), rank)
            axes = tuple(axes[axis] for axis in order)
            continue
        if codec.name not in {"bytes", "sharding_indexed"}:
            raise ValueError(f"its codec {codec.name} is unknown or in the wrong place")
        later = codecs[position + 1 :]
        steps = tuple(ByteCodec(step.name, step.configuration) for step in later)
        return _Chain(axes, codec, steps)
    raise ValueError("its codecs lack one that makes bytes")


def _transpose_order(order: Any, rank: int) -> tuple[int, ...]:
    """Read the order of a transposition, in the older spelling "C" or "F" too."""
    if order in {"C", "F"} if isinstance(order, str) else False:
        return tuple(range(rank)) if order == "C" else tuple(range(rank))[::-1]
    if not isinstance(order, list) or sorted(map(str, order)) != sorted(map(str, range(rank))):
        raise ValueError(f"its transposition {order!r} is no order of {rank} axes")
    return tuple(map(int, order))


def _shard_layout(shard: tuple[int, ...], sharding: _Sharding) -> ShardLayout:
    inner = sharding.chunk_shape
    if len(inner) != len(shard):
        raise ValueError(f"its shards have {len(shard)} axes, but their chunks {len(inner)}")
    if any(outer % length for outer, length in zip(shard, inner, strict=True)):
        raise ValueError(f"its shards of {shard} are no whole number of chunks of {tuple(inner)}")
    counts = tuple(outer // length for outer, length in zip(shard, inner, strict=True))
    if math.prod(counts) > MAX_SHARD_CHUNKS:
        raise ValueError(
            f"its shards have {math.prod(counts):,} chunks, but at most {MAX_SHARD_CHUNKS:,} "
            "can be read"
        )
    names = [codec.name for codec in sharding.index_codecs]
    if names not in (["bytes"], ["bytes", "crc32c"]):
        raise ValueError(f"the index of its shards has the codecs {names}, which can't be read")
    return ShardLayout(
        chunks_per_shard=counts,
        index_at_end=sharding.index_location == "end",
        index_dtype=np.dtype("u8").newbyteorder(_byte_order(sharding.index_codecs[0])),
        index_has_crc=len(names) > 1,
    )


def _byte_order(codec: _Codec) -> Literal["<", ">"]:
    return ">" if codec.configuration.get("endian") == "big" else "<"


def _key_encoding(keys: _Keys) -> KeyEncoding:
    """https://zarr-specs.readthedocs.io/en/latest/v3/chunk-key-encodings/index.html"""
    separator = keys.configuration.separator
    if keys.name == "v2":
        return KeyEncoding((), separator or ".")
    return KeyEncoding(("c",), separator or "/")
