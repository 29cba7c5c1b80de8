"""Which presented chunks are whole files, so that nginx can send them without asking each time.

nginx knows a mag's directory and how chunk numbers make a file's name; both are told to it here.
"""

from dataclasses import dataclass
from pathlib import Path

from datasets.properties import DataFormat
from datasets.streaming.catalog import ServedMag
from datasets.voxels.axes import named_axes
from datasets.voxels.zarr2 import read_zarr2
from datasets.voxels.zarr3 import read_zarr3

_READERS = {DataFormat.ZARR: read_zarr2, DataFormat.ZARR3: read_zarr3}
_NOWHERE = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class ChunkFileNames:
    """A chunk's file is `directory`/`prefix` and its numbers along `axes`, with `separator`."""

    directory: Path
    prefix: str
    axes: str
    separator: str


def chunk_file_names(mag: ServedMag) -> ChunkFileNames | None:
    """How the files of a mag's chunks are named, None where these are not what is presented."""
    if mag.layer.data_format not in _READERS or mag.properties.channel_index:
        return None
    # Elsewhere the presented numbers are not the stored ones, or what is stored may lie outside.
    if mag.box.offset != _NOWHERE:
        return None
    directory = mag.directory()
    stored = _READERS[mag.layer.data_format](directory)
    if stored.location is None or stored.location.shard is not None:
        return None
    names = stored.names or named_axes(
        stored.shape,
        mag.properties.axis_order or None,
        {axis.name: axis.index for axis in mag.layer.additional_axes},
    )
    separator = stored.location.keys.separator
    return ChunkFileNames(
        directory=directory,
        prefix="".join(f"{part}{separator}" for part in stored.location.keys.prefix),
        axes="".join(name or "-" for name in names),
        separator=separator,
    )
