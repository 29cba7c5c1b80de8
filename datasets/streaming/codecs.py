"""Stored codecs in the words of Zarr v2 and of Zarr v3, where these have words for them."""

from typing import Any, Final

import numpy as np

from datasets.streaming.presented import Axes, order_of_bytes
from datasets.voxels.array import ByteCodec, ChunkCodec

JsonObject = dict[str, Any]

_SHUFFLES: Final = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2}


class Inexpressible(Exception):
    """The dialect can't say how the chunks are stored; they must be decoded."""


def zarr2_order(axes: Axes, codec: ChunkCodec) -> str:
    """`C` or `F`, whichever of the two a chunk along `axes` is stored in."""
    stored = order_of_bytes(codec)
    presented = tuple(axis for axis in axes if axis in stored)
    if stored == presented[::-1]:
        return "F"
    if stored == presented:
        return "C"
    raise Inexpressible


def zarr2_compressor(codec: ChunkCodec) -> JsonObject | None:
    """The one compressor that Zarr v2 allows, by its numcodecs name."""
    if not codec.steps:
        return None
    if len(codec.steps) > 1:
        raise Inexpressible
    (step,) = codec.steps
    configuration = step.configuration
    match step.name:
        case "zstd" | "gzip" | "zlib" | "bz2":
            return {"id": step.name, "level": configuration.get("level", 1)}
        case "blosc":
            return {
                "id": "blosc",
                "cname": configuration.get("cname", "lz4"),
                "clevel": configuration.get("clevel", 5),
                "shuffle": _SHUFFLES[configuration.get("shuffle", "noshuffle")],
                "blocksize": configuration.get("blocksize", 0),
            }
    raise Inexpressible


def zarr3_codecs(axes: Axes, codec: ChunkCodec) -> list[JsonObject]:
    """The codecs by which a chunk along `axes` becomes the stored bytes."""
    # Axes along which a chunk has length 1 may stand anywhere; where they stand as presented, a
    # transposition may not be needed at all.
    long = order_of_bytes(codec)
    order = [axes.index(axis) for axis in axes if axis not in long]
    order += [axes.index(axis) for axis in long]
    if long == tuple(axis for axis in axes if axis in long):
        order = list(range(len(axes)))
    codecs: list[JsonObject] = []
    if order != list(range(len(axes))):
        codecs.append({"name": "transpose", "configuration": {"order": order}})
    codecs.append(bytes_codec(codec.dtype))
    return codecs + [_zarr3_step(step, codec) for step in codec.steps]


def bytes_codec(dtype: np.dtype[Any]) -> JsonObject:
    """The codec that writes elements of `dtype`, in its byte order, one after the other."""
    if dtype.itemsize == 1:
        return {"name": "bytes"}
    endian = "big" if dtype.str.startswith(">") else "little"
    return {"name": "bytes", "configuration": {"endian": endian}}


def _zarr3_step(step: ByteCodec, codec: ChunkCodec) -> JsonObject:
    configuration = step.configuration
    match step.name:
        case "zstd":
            level, checksum = configuration.get("level", 1), configuration.get("checksum", False)
            return {"name": "zstd", "configuration": {"level": level, "checksum": bool(checksum)}}
        case "gzip":
            return {"name": "gzip", "configuration": {"level": configuration.get("level", 1)}}
        case "crc32c":
            return {"name": "crc32c"}
        case "blosc":
            shuffle = configuration.get("shuffle", "noshuffle")
            return {
                "name": "blosc",
                "configuration": {
                    "cname": configuration.get("cname", "lz4"),
                    "clevel": configuration.get("clevel", 5),
                    "shuffle": shuffle,
                    "typesize": configuration.get("typesize", codec.dtype.itemsize),
                    "blocksize": configuration.get("blocksize", 0),
                },
            }
    raise Inexpressible


def json_fill_value(value: np.generic) -> int | float | str:
    """A fill value as both versions of Zarr write it."""
    number = value.item()
    if isinstance(number, float) and not np.isfinite(number):
        return "NaN" if np.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    return int(number) if isinstance(number, int | bool) else float(number)
