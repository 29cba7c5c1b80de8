"""Opening a mag of any local format."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from datasets.voxels.axes import named_axes
from datasets.voxels.channels import SelectedChannels
from datasets.voxels.decoded import DecodedArray
from datasets.voxels.errors import VoxelsBroken
from datasets.voxels.mag_files import MagFiles, MayRead
from datasets.voxels.n5 import read_n5
from datasets.voxels.precomputed import read_precomputed
from datasets.voxels.wkw import open_wkw
from datasets.voxels.zarr2 import read_zarr2
from datasets.voxels.zarr3 import read_zarr3

if TYPE_CHECKING:
    from datasets.voxels.array import VoxelArray
    from datasets.voxels.stored import StoredArray

_READERS: Final[Mapping[str, Callable[[Path], StoredArray]]] = {
    "zarr": read_zarr2,
    "zarr3": read_zarr3,
    "n5": read_n5,
    "neuroglancerPrecomputed": read_precomputed,
}
_METADATA_FILES: Final[Mapping[str, str]] = {
    "wkw": "header.wkw",
    "zarr": ".zarray",
    "zarr3": "zarr.json",
    "n5": "attributes.json",
}
_NO_AXES: Final[Mapping[str, int]] = {}


def open_mag(
    path: Path,
    data_format: str,
    *,
    axis_order: Mapping[str, int] | None = None,
    channel_index: int | None = None,
    element_class: str | None = None,
    additional_axes: Mapping[str, int] = _NO_AXES,
    may_read: MayRead | None = None,
) -> VoxelArray:
    """Open the mag in the directory `path`; only its metadata is read.

    `data_format` and the rest are what datasource-properties.json says of the mag and its layer:
    `axis_order` (by default c, x, y, z, or x, y, z for three axes), `additional_axes` as name and
    position, `channel_index` the first channel that the layer shows, one of them or, where
    `element_class` is uint24, three. What is stored, not `element_class`, decides the dtype.
    Links inside the mag lead nowhere else, but for where `may_read` allows.

    Raises VoxelsMissing, VoxelsBroken, and ValueError for an unknown data format.
    """
    array: VoxelArray
    # tensorstore takes no "..". realpath, unlike Path.resolve(), leaves loops of links alone;
    # the last name stays, since for precomputed it is the scale's key.
    path = Path(os.path.realpath(path.parent), path.name)
    files = MagFiles(path, may_read)
    if data_format in _METADATA_FILES:
        files.find(_METADATA_FILES[data_format])
    else:
        MagFiles(path.parent, may_read).find("info")
    if data_format == "wkw":
        array, metadata_file = open_wkw(files), "header.wkw"
    elif data_format in _READERS:
        stored = _READERS[data_format](path)
        metadata_file = stored.metadata_file
        if not _is_utf8(path):
            raise VoxelsBroken(metadata_file, "a folder above it has a name that is not UTF-8")
        try:
            names = stored.names or named_axes(stored.shape, axis_order, additional_axes)
        except ValueError as error:
            raise VoxelsBroken(metadata_file, str(error)) from error
        array = DecodedArray(files, stored, names)
    else:
        raise ValueError(f"The data format {data_format} is unknown.")
    if channel_index is None:
        return array
    count = 3 if element_class == "uint24" else 1
    try:
        return SelectedChannels(array, range(channel_index, channel_index + count))
    except ValueError as error:
        raise VoxelsBroken(metadata_file, str(error)) from error


def _is_utf8(path: Path) -> bool:
    """Whether the name is one that tensorstore can take; Python itself takes any bytes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
