"""Small datasets for the tools to work on, and what other programs read of the outcome."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from conversion.pipeline.write_layer import write_dataset, write_layer
from conversion.tools.opened import open_dataset
from datasets import properties
from datasets.properties import (
    AdditionalAxis,
    BoundingBox,
    Category,
    DataFormat,
    DataSource,
    Mag,
    MagProperties,
    Vec3Int,
    VoxelSize,
)

VOXEL = VoxelSize(factor=(4, 4, 10))
FINEST = Mag(1, 1, 1)


def voxels(
    shape: Vec3Int = (150, 70, 40), dtype: str = "uint8", channels: int = 1, seed: int = 1
) -> NDArray[Any]:
    """Random voxels (channel, z, y, x)."""
    x, y, z = shape
    values = np.random.default_rng(seed).integers(0, 90, (channels, z, y, x))
    return values.astype(dtype)


def make(directory: Path, data: NDArray[Any] | None = None, **options: Any) -> Path:
    """A dataset of one layer, by default an image "color" with mag 1 only."""
    data = voxels() if data is None else data
    channels, z, y, x = data.shape
    name = options.pop("name", "color")
    layer = write_layer(
        directory,
        name,
        [data[:, first : first + 32] for first in range(0, z, 32)],
        shape=(x, y, z),
        dtype=data.dtype,
        num_channels=channels,
        voxel_size=VOXEL,
        **{"category": Category.COLOR, "mags": [FINEST], "data_format": DataFormat.ZARR3} | options,
    )
    write_dataset(directory, VOXEL, [layer])
    return directory


def make_series(directory: Path, *, points: int) -> Path:
    """A dataset whose layer "color" has points in time `t`, full of 1, 2 ...: a chunk a file."""
    make(directory, voxels((16, 8, 4)))
    shutil.rmtree(directory / "color/1")
    array = zarr.create_array(
        directory / "color/1",
        shape=(points, 1, 16, 8, 4),
        chunks=(1, 1, 16, 8, 4),
        dtype="uint8",
        compressors=None,
        dimension_names=["t", "c", "x", "y", "z"],
        fill_value=0,
    )
    for point in range(points):
        array[point] = point + 1
    order = {axis: place for place, axis in enumerate("cxyz", 1)}
    mag = MagProperties(mag=FINEST, path="./color/1", axis_order=order)
    rewritten_properties(directory, mags=(mag,))
    with_axis(directory, "t", (0, points))
    return directory


def rewritten_properties(directory: Path, **layer_changes: Any) -> DataSource:
    """Change what the properties say of the only layer."""
    file = directory / properties.FILE_NAME
    source = properties.read(file)
    layer = source.layers[0].model_copy(update=layer_changes)
    changed = source.model_copy(update={"layers": (layer,)})
    properties.write(file, changed)
    return changed


def with_box(directory: Path, top_left: Vec3Int, size: Vec3Int) -> None:
    rewritten_properties(directory, bounding_box=BoundingBox.of(top_left, size))


def with_axis(directory: Path, name: str, bounds: tuple[int, int]) -> None:
    axis = AdditionalAxis(name=name, bounds=bounds, index=0)
    rewritten_properties(directory, additional_axes=(axis,))


def read(
    directory: Path,
    mag: Mag = FINEST,
    layer_name: str | None = None,
    index: dict[str, int] | None = None,
) -> NDArray[Any]:
    """The layer's box in a mag, (channel, z, y, x), as this site reads it."""
    dataset = open_dataset(directory)
    layer = dataset.layers(layer_name)[0]
    opened = dataset.mag(layer, mag)
    return opened.array.read(opened.box, additional=index).transpose(0, 3, 2, 1)


def mags_of(directory: Path, layer: int = 0) -> list[str]:
    source = properties.read(directory / properties.FILE_NAME)
    return [mag.mag.literal for mag in source.layers[layer].mags]


def hidden(directory: Path) -> list[str]:
    """What work in progress has left."""
    return [str(path.relative_to(directory)) for path in directory.rglob(".*")]
