"""Which presented chunks are whole files, so that nginx can send them without asking each time.

nginx knows a mag's directory and how chunk numbers make a file's name; both are told to it here.
"""

import os
from dataclasses import dataclass

from datasets.properties import DataFormat
from datasets.streaming.catalog import ServedMag
from datasets.voxels.axes import named_axes
from datasets.voxels.zarr2 import read_zarr2
from datasets.voxels.zarr3 import read_zarr3

_READERS = {DataFormat.ZARR: read_zarr2, DataFormat.ZARR3: read_zarr3}
_NOWHERE = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class ChunkFileNames:
    """The path of a chunk's file is `directory`, `prefix`, and its numbers as `numbers` says.

    `numbers` is the axes in the order of the numbers and the character between these: `cxyz/`.
    There is no link in `directory`. nginx follows none below it: all that it sends lies in the mag.
    """

    directory: str
    prefix: str
    numbers: str


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
    keys = stored.location.keys
    prefix = "".join(f"{part}{keys.separator}" for part in keys.prefix)
    axes = "".join(name or "-" for name in names)
    return ChunkFileNames(os.path.realpath(directory), prefix, f"{axes}{keys.separator}")
