"""N5: what `attributes.json` declares. https://github.com/saalfeldlab/n5#file-system-specification"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from datasets.voxels.errors import VoxelsBroken
from datasets.voxels.metadata import (
    ChunkLengths,
    Lengths,
    check_chunk,
    element_dtype,
    fill_value,
    read_metadata,
)
from datasets.voxels.stored import ChunkLocation, KeyEncoding, StoredArray

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "attributes.json"


class _Attributes(BaseModel):
    dimensions: Lengths
    blockSize: ChunkLengths  # noqa: N815 - the file's own name
    dataType: str  # noqa: N815
    compression: dict[str, Any]


def read_n5(path: Path) -> StoredArray:
    """Read the metadata of the N5 array in the directory `path`, axes in the order it lists."""
    metadata = read_metadata(path, _FILE, "N5", _Attributes)
    try:
        dtype = element_dtype(metadata.dataType)
        check_chunk(metadata.dimensions, metadata.blockSize, dtype)
    except ValueError as error:
        raise VoxelsBroken(_FILE, str(error)) from error
    blosc = metadata.compression.get("type") == "blosc"
    return StoredArray(
        metadata_file=_FILE,
        shape=tuple(metadata.dimensions),
        origin=(0,) * len(metadata.dimensions),
        chunk=tuple(metadata.blockSize),
        dtype=dtype,
        fill_value=fill_value(None, dtype),
        spec={
            "driver": "n5",
            "kvstore": {"driver": "file", "path": f"{path}/"},
            "metadata": metadata.model_dump(),
        },
        location=ChunkLocation(KeyEncoding((), "/")),
        # A block begins with its mode, its rank and its lengths.
        blosc_offset=4 + 4 * len(metadata.dimensions) if blosc else None,
    )
