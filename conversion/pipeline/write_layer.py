"""Writes a whole layer, all its mags, and what else makes layers a dataset."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import numpy as np

from conversion.pipeline import ome
from conversion.pipeline.downsample import Filter
from conversion.pipeline.geometry import ceil_divide
from conversion.pipeline.mag_writer import Slab
from conversion.pipeline.mags import mag_ladder
from conversion.pipeline.pyramid import Pyramid
from conversion.pipeline.wkw_array import WkwArray
from conversion.pipeline.zarr_array import (
    COARSER_SHARD_SHAPE,
    FINEST_SHARD_SHAPE,
    ZarrArray,
    write_metadata,
)
from conversion.pipeline.zstd import ZstdProfile
from datasets import properties
from datasets.properties import (
    BoundingBox,
    Category,
    DataFormat,
    DataSource,
    ElementClass,
    Layer,
    Mag,
    MagProperties,
    Vec3Int,
    VoxelSize,
)

AXIS_ORDER = {"c": 0, "x": 1, "y": 2, "z": 3}


def write_layer(
    dataset_directory: Path,
    name: str,
    slabs: Iterable[Slab],
    *,
    shape: Vec3Int,
    dtype: np.dtype[Any],
    category: Category,
    voxel_size: VoxelSize,
    num_channels: int = 1,
    data_format: Literal[DataFormat.ZARR3, DataFormat.WKW] = DataFormat.ZARR3,
    mags: Sequence[Mag] | None = None,
    profile: ZstdProfile = ZstdProfile.TUNED,
    threads: int = 2,
) -> Layer:
    """Write `<dataset>/<name>/<mag>` in one pass over `slabs` and return the layer's properties.

    `shape` is x, y, z in voxels. A slab is C-order (channel, z, y, x), whole slices, a multiple
    of 32 of them (the last one may be shorter), and must not be changed after it was yielded.
    Without `mags`, the layer gets those that `webknossos convert` would make. Coarser mags are
    medians of images and modes of segmentations; of these, the largest segment id is found, too.
    Raises ValueError for slabs that are not what was announced, OSError where writing fails; the
    files of unfinished shards are removed then.
    """
    mags = list(mags or mag_ladder(shape, voxel_size.factor))
    arrays: dict[Mag, ZarrArray | WkwArray] = {}
    for mag in mags:
        directory, mag_shape = dataset_directory / name / mag.literal, ceil_divide(shape, mag)
        if data_format is DataFormat.WKW:
            arrays[mag] = WkwArray(
                directory, shape=mag_shape, dtype=dtype, num_channels=num_channels
            )
        else:
            arrays[mag] = ZarrArray(
                directory,
                shape=mag_shape,
                dtype=dtype,
                num_channels=num_channels,
                largest_shard=FINEST_SHARD_SHAPE if mag == mags[0] else COARSER_SHARD_SHAPE,
                profile=profile,
            )
    is_segmentation = category is Category.SEGMENTATION
    largest_segment_id = 0
    with ThreadPoolExecutor(threads) as pool, ExitStack() as stack:
        writers = {mag: stack.enter_context(array.writer(pool)) for mag, array in arrays.items()}
        pyramid = Pyramid(writers, Filter.MODE if is_segmentation else Filter.MEDIAN)
        for slab in slabs:
            pyramid.add(slab)
            if is_segmentation:
                largest_segment_id = max(largest_segment_id, int(slab.max()))
        if pyramid.slices != shape[2]:
            raise ValueError(f"Layer {name} ended after {pyramid.slices} of {shape[2]} slices.")
    for array in arrays.values():
        array.write_metadata()
    if data_format is DataFormat.ZARR3:
        write_metadata(dataset_directory / name, ome.layer_group(name, mags, voxel_size))
    return Layer(
        name=name,
        category=category,
        bounding_box=BoundingBox.of((0, 0, 0), shape),
        element_class=ElementClass.of(dtype, num_channels),
        data_format=data_format,
        num_channels=num_channels,
        largest_segment_id=largest_segment_id if is_segmentation else None,
        mags=tuple(
            MagProperties(
                mag=mag,
                path=f"./{name}/{mag.literal}",
                cube_length=array.layout.file_shape[0] if isinstance(array, WkwArray) else None,
                axis_order=AXIS_ORDER,
            )
            for mag, array in arrays.items()
        ),
    )


def write_dataset(directory: Path, voxel_size: VoxelSize, layers: Sequence[Layer]) -> None:
    """Make the layers in `directory` a dataset: its properties file and, for Zarr, its group."""
    if any(layer.data_format is DataFormat.ZARR3 for layer in layers):
        write_metadata(directory, ome.GROUP)
    # The public library opens no properties file without an id.
    identity: dict[str, object] = {"name": directory.name, "team": ""}
    source = DataSource(id=identity, voxel_size=voxel_size, layers=tuple(layers))
    properties.write(directory / properties.FILE_NAME, source)
