"""Which chunks and shards can be written, whoever asks for them; shapes are in voxels, x, y, z."""

import math

from conversion.pipeline.plan import OutputFormat
from conversion.pipeline.zarr_array import CHUNK_SHAPE, COARSER_SHARD_SHAPE
from datasets.properties import DataFormat, Vec3Int

_LARGEST_CHUNK_BYTES = 64 << 20
_MOST_CHUNKS = 1 << 21
"""Of a shard, whose index has 16 bytes for each of them and is read as a whole."""


def shapes_problem(
    data_format: OutputFormat,
    chunk_shape: Vec3Int,
    shard_shape: Vec3Int | None = None,
    *,
    voxel_bytes: int = 1,
) -> tuple[str, str] | None:
    """Why these can't be written, and what to do, as sentences; None where they can.

    Without `shard_shape` it is the usual one. Of WKW there is nothing to choose.
    """
    shard = shard_shape or COARSER_SHARD_SHAPE
    chunk, chunk_words, shard_words = chunk_shape, shown_shape(chunk_shape), shown_shape(shard)
    if data_format is DataFormat.WKW:
        if (chunk, shard) == (CHUNK_SHAPE, COARSER_SHARD_SHAPE):
            return None
        return (
            "WKW has blocks of 32,32,32 voxels in files of a size that it chooses.",
            "Leave the shapes of chunks and shards out, or choose zarr3.",
        )
    if min(chunk) < 1 or any(length & (length - 1) for length in chunk):
        return (
            f"Chunks of {chunk_words} voxels can't be written.",
            "Use powers of two, such as 32,32,32.",
        )
    if math.prod(chunk) * voxel_bytes > _LARGEST_CHUNK_BYTES:
        return (
            f"A chunk of {chunk_words} voxels of {voxel_bytes} bytes is larger than 64 MiB.",
            "Use smaller chunks, such as 32,32,32.",
        )
    if any(whole < 1 or whole % part for whole, part in zip(shard, chunk, strict=True)):
        return (
            f"Shards of {shard_words} voxels are not made of whole chunks of {chunk_words}.",
            "Use a multiple of the chunk's length on each axis.",
        )
    if (chunks := math.prod(shard) // math.prod(chunk)) > _MOST_CHUNKS:
        return (
            f"Shards of {shard_words} voxels would have {chunks:,} chunks of {chunk_words}.",
            f"Use larger chunks or smaller shards: a shard has up to {_MOST_CHUNKS:,} chunks.",
        )
    return None


def shown_shape(shape: Vec3Int) -> str:
    """For people: `32,32,32`, as it is given, too."""
    return ",".join(map(str, shape))
