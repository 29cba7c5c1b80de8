"""Writes a whole layer from slabs that somebody makes, and what makes layers a dataset."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from conversion.pipeline import ome
from conversion.pipeline.downsample import Filter
from conversion.pipeline.layer_arrays import finish_layer, mag_arrays
from conversion.pipeline.mag_writer import Slab
from conversion.pipeline.mags import mag_ladder
from conversion.pipeline.plan import OutputFormat
from conversion.pipeline.pyramid import Pyramid
from conversion.pipeline.zarr_array import CHUNK_SHAPE, write_metadata
from conversion.pipeline.zstd import ZstdProfile
from datasets import properties
from datasets.properties import (
    BoundingBox,
    Category,
    DataFormat,
    DataSource,
    Layer,
    Mag,
    Vec3Int,
    VoxelSize,
)


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
    data_format: OutputFormat = DataFormat.ZARR3,
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
    arrays = mag_arrays(
        dataset_directory / name,
        mags,
        shape=shape,
        dtype=dtype,
        num_channels=num_channels,
        data_format=data_format,
        profile=profile,
    )
    is_segmentation = category is Category.SEGMENTATION
    largest_segment_id = 0
    with ThreadPoolExecutor(threads) as pool, ExitStack() as stack:
        writers = {mag: stack.enter_context(array.writer(pool)) for mag, array in arrays.items()}
        pyramid = Pyramid(
            writers,
            Filter.MODE if is_segmentation else Filter.MEDIAN,
            box=BoundingBox.of((0, 0, 0), shape),
            slab_depth=CHUNK_SHAPE[2],
            pool=pool,
        )
        for slab in slabs:
            pyramid.add(slab)
            if is_segmentation:
                largest_segment_id = max(largest_segment_id, int(slab.max()))
        if pyramid.slices != shape[2]:
            raise ValueError(f"Layer {name} ended after {pyramid.slices} of {shape[2]} slices.")
    return finish_layer(
        dataset_directory / name,
        arrays,
        box=BoundingBox.of((0, 0, 0), shape),
        category=category,
        voxel_size=voxel_size,
        largest_segment_id=largest_segment_id if is_segmentation else None,
    )


def write_dataset(
    directory: Path, voxel_size: VoxelSize, layers: Sequence[Layer], *, name: str = ""
) -> DataSource:
    """Make the layers in `directory` a dataset: its properties file and, for Zarr, its group.

    `name` is its name in that file, by default that of the directory.
    """
    if any(layer.data_format is DataFormat.ZARR3 for layer in layers):
        write_metadata(directory, ome.GROUP)
    # The public library opens no properties file without an id.
    identity: dict[str, object] = {"name": name or directory.name, "team": ""}
    source = DataSource(id=identity, voxel_size=voxel_size, layers=tuple(layers))
    properties.write(directory / properties.FILE_NAME, source)
    return source
