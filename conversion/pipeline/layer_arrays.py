"""The arrays of a layer's mags on the disk, and the layer as the properties file describes it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from conversion.pipeline import ome
from conversion.pipeline.geometry import ceil_divide, floor_divide
from conversion.pipeline.mag_array import MagArray
from conversion.pipeline.plan import OutputFormat
from conversion.pipeline.wkw_array import BLOCK_LENGTH, LARGEST_FILE_LENGTH, WkwArray
from conversion.pipeline.zarr_array import (
    CHUNK_SHAPE,
    COARSER_SHARD_SHAPE,
    FINEST_SHARD_SHAPE,
    ZarrArray,
    write_metadata,
)
from conversion.pipeline.zstd import ZstdProfile
from datasets.properties import (
    AdditionalAxis,
    BoundingBox,
    Category,
    DataFormat,
    ElementClass,
    Layer,
    Mag,
    MagProperties,
    Vec3Int,
    VoxelSize,
)

Axes = tuple[tuple[str, int], ...]
"""Name and length of each additional axis, the outermost first."""


def mag_arrays(
    directory: Path,
    mags: Sequence[Mag],
    *,
    shape: Vec3Int,
    dtype: np.dtype[Any],
    num_channels: int,
    data_format: OutputFormat,
    profile: ZstdProfile,
    axes: Axes = (),
    chunk_shape: Vec3Int = CHUNK_SHAPE,
    shard_shape: Vec3Int | None = None,
) -> dict[Mag, MagArray]:
    """An array for each mag, at `directory/<mag>`; `shape` is in voxels of the first.

    Without `shard_shape`, files are as large as the public library makes them. Raises ValueError
    for what the format can't hold.
    """
    arrays: dict[Mag, MagArray] = {}
    for mag in mags:
        place = directory / mag.literal
        mag_shape = ceil_divide(shape, floor_divide(mag, mags[0]))
        if data_format is DataFormat.WKW:
            if axes:
                names = ", ".join(name for name, _ in axes)
                raise ValueError(f"WKW has no axes beside c, x, y, z, so none for {names}.")
            length = shard_shape[0] // BLOCK_LENGTH if shard_shape else LARGEST_FILE_LENGTH
            arrays[mag] = WkwArray(
                place,
                shape=mag_shape,
                dtype=dtype,
                num_channels=num_channels,
                largest_file_length=length,
            )
        else:
            is_finest = mag == mags[0]
            finest_shard = (*FINEST_SHARD_SHAPE[:2], chunk_shape[2])
            usual = finest_shard if is_finest else COARSER_SHARD_SHAPE
            arrays[mag] = ZarrArray(
                place,
                shape=mag_shape,
                dtype=dtype,
                num_channels=num_channels,
                largest_shard=shard_shape or usual,
                profile=profile if is_finest else profile.of_coarser_mags,
                chunk_shape=chunk_shape,
                axes=axes,
            )
    return arrays


def finish_layer(
    directory: Path,
    arrays: Mapping[Mag, MagArray],
    *,
    box: BoundingBox,
    category: Category,
    voxel_size: VoxelSize,
    largest_segment_id: int | None,
    axes: Axes = (),
) -> Layer:
    """Write the metadata of all mags, which lie in `directory`, and describe the layer.

    `box` is in voxels of mag 1.
    """
    for array in arrays.values():
        array.write_metadata()
    layout = next(iter(arrays.values())).layout
    is_wkw = any(isinstance(array, WkwArray) for array in arrays.values())
    if not is_wkw:
        names = [name for name, _ in axes]
        write_metadata(directory, ome.layer_group(directory.name, list(arrays), voxel_size, names))
    order = {axis: len(axes) + place for place, axis in enumerate("cxyz")}
    return Layer(
        name=directory.name,
        category=category,
        bounding_box=box,
        element_class=ElementClass.of(layout.dtype, layout.num_channels),
        data_format=DataFormat.WKW if is_wkw else DataFormat.ZARR3,
        num_channels=layout.num_channels,
        largest_segment_id=largest_segment_id,
        additional_axes=tuple(
            AdditionalAxis(name=name, bounds=(0, length), index=place)
            for place, (name, length) in enumerate(axes)
        ),
        mags=tuple(
            MagProperties(
                mag=mag,
                path=f"./{directory.name}/{mag.literal}",
                cube_length=array.layout.file_shape[0] if is_wkw else None,
                axis_order=order,
            )
            for mag, array in arrays.items()
        ),
    )
