"""A whole layer in one pass: voxels, pyramid and metadata, as other programs see them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaozarrs
import zarr
from numpy.typing import NDArray

from conversion.pipeline.downsample import Filter, downsample
from conversion.pipeline.write_layer import write_dataset, write_layer
from datasets import properties
from datasets.properties import (
    BoundingBox,
    Category,
    DataFormat,
    ElementClass,
    Layer,
    LengthUnit,
    Mag,
    Vec3Int,
    VoxelSize,
)
from tests.conversion.pipeline import reading

VOXEL = VoxelSize(factor=(4, 4, 10), unit=LengthUnit.NANOMETER)
SHAPE = (301, 103, 77)


def voxels(dtype: str, shape: Vec3Int = SHAPE, channels: int = 1) -> NDArray[Any]:
    x, y, z = shape
    return np.random.default_rng(2).integers(0, 90, (channels, z, y, x)).astype(dtype)


def slabs(data: NDArray[Any], depth: int = 32) -> Iterator[NDArray[Any]]:
    for z in range(0, data.shape[1], depth):
        yield data[:, z : z + depth]


def write(directory: Path, data: NDArray[Any], name: str = "layer", **options: Any) -> Layer:
    channels, z, y, x = data.shape
    settings: dict[str, Any] = {"category": Category.COLOR, "voxel_size": VOXEL} | options
    given = settings.pop("slabs", slabs(data))
    return write_layer(
        directory,
        name,
        given,
        shape=(x, y, z),
        dtype=data.dtype,
        num_channels=channels,
        **settings,
    )


def pyramid(
    data: NDArray[Any], mags: list[Mag], filter_: Filter
) -> Iterator[tuple[Mag, NDArray[Any]]]:
    """All mags, each made from the whole of the one before."""
    previous = Mag(1, 1, 1)
    for mag in mags:
        x, y, z = (coarse // fine for coarse, fine in zip(mag, previous, strict=True))
        channels, depth, height, width = data.shape
        target = np.empty((channels, -(-depth // z), -(-height // y), -(-width // x)), data.dtype)
        for source, result in zip(data, target, strict=True):
            downsample(source, result, (x, y, z), filter_)
        yield mag, target
        data, previous = target, mag


def read(layer: Layer, directory: Path, mag: Mag, shape: Vec3Int) -> NDArray[Any]:
    place = directory / layer.name / mag.literal
    if layer.data_format is DataFormat.WKW:
        return reading.with_wkw(place, shape)
    return reading.with_tensorstore(place)


@pytest.mark.parametrize("data_format", [DataFormat.ZARR3, DataFormat.WKW])
@pytest.mark.parametrize(
    ("dtype", "channels", "category", "filter_"),
    [
        ("uint8", 1, Category.COLOR, Filter.MEDIAN),
        ("uint8", 3, Category.COLOR, Filter.MEDIAN),
        ("uint32", 1, Category.SEGMENTATION, Filter.MODE),
        ("uint16", 2, Category.COLOR, Filter.MEDIAN),
    ],
)
def test_every_mag_is_made_of_the_one_before(
    tmp_path: Path,
    data_format: DataFormat,
    dtype: str,
    channels: int,
    category: Category,
    filter_: Filter,
) -> None:
    data = voxels(dtype, channels=channels)
    layer = write(tmp_path, data, category=category, data_format=data_format)
    mags = [mag.mag for mag in layer.mags]
    assert [mag.literal for mag in mags] == ["1", "2-2-1", "4-4-2"]
    for mag, expected in pyramid(data, mags, filter_):
        z, y, x = expected.shape[1:]
        np.testing.assert_array_equal(read(layer, tmp_path, mag, (x, y, z)), expected)


def test_a_mag_may_be_four_times_coarser_than_the_one_before(tmp_path: Path) -> None:
    data = voxels("uint8", (70, 67, 75))
    mags = [Mag(1, 1, 1), Mag(2, 1, 1), Mag(4, 4, 4)]
    layer = write(tmp_path, data, mags=mags)
    for mag, expected in pyramid(data, mags, Filter.MEDIAN):
        np.testing.assert_array_equal(read(layer, tmp_path, mag, (0, 0, 0)), expected)


@pytest.mark.parametrize("depth", [32, 64, 96])
def test_slabs_may_be_several_chunks_deep(tmp_path: Path, depth: int) -> None:
    data = voxels("uint8", (40, 40, 77))
    layer = write(tmp_path, data, slabs=slabs(data, depth))
    for mag, expected in pyramid(data, [mag.mag for mag in layer.mags], Filter.MEDIAN):
        np.testing.assert_array_equal(read(layer, tmp_path, mag, (0, 0, 0)), expected)


def test_the_layer_is_described_as_the_properties_file_needs_it(tmp_path: Path) -> None:
    data = voxels("uint32")
    data[0, 60, 50, 200] = 2**32 - 2
    segmentation = write(tmp_path, data, "cells", category=Category.SEGMENTATION)
    image = write(tmp_path, voxels("uint8", channels=3), "rgb", data_format=DataFormat.WKW)
    write_dataset(tmp_path, VOXEL, [segmentation, image])
    source = properties.read(tmp_path / properties.FILE_NAME)
    assert source.voxel_size == VOXEL
    assert source.id == {"name": tmp_path.name, "team": ""}  # the public library needs it
    cells, rgb = source.layers
    assert cells.bounding_box == BoundingBox.of((0, 0, 0), SHAPE)
    assert cells.largest_segment_id == 2**32 - 2
    assert [mag.path for mag in cells.mags] == ["./cells/1", "./cells/2-2-1", "./cells/4-4-2"]
    assert [mag.cube_length for mag in cells.mags] == [None] * 3
    assert rgb.element_class is ElementClass.UINT24
    assert rgb.largest_segment_id is None
    assert [mag.cube_length for mag in rgb.mags] == [512, 256, 128]


def test_the_metadata_is_valid_ome_ngff(tmp_path: Path) -> None:
    layer = write(tmp_path, voxels("uint16"))
    write_dataset(tmp_path, VOXEL, [layer])
    document = (tmp_path / "layer/zarr.json").read_bytes()
    group = yaozarrs.validate_ome_json(document, yaozarrs.v05.OMEZarrGroupJSON)
    (multiscale,) = group.attributes.ome.multiscales
    for dataset in multiscale.datasets:
        array = zarr.open_array(tmp_path / "layer" / dataset.path, mode="r")
        assert array.metadata.dimension_names == tuple(axis.name for axis in multiscale.axes)
    assert isinstance(zarr.open(tmp_path, mode="r"), zarr.Group)


def test_voxels_of_all_mags_share_one_space(tmp_path: Path) -> None:
    write(tmp_path, voxels("uint16"))
    attributes = zarr.open_group(tmp_path / "layer", mode="r").attrs.asdict()
    (multiscale,) = attributes["ome"]["multiscales"]
    assert [axis["name"] for axis in multiscale["axes"]] == ["c", "x", "y", "z"]
    assert [axis.get("unit") for axis in multiscale["axes"]] == [None, *["nanometer"] * 3]
    transformations = {
        dataset["path"]: [next(v for k, v in t.items() if k != "type") for t in transforms]
        for dataset in multiscale["datasets"]
        if (transforms := dataset["coordinateTransformations"])
    }
    # The centre of the first voxel of 4-4-2 lies between its 4 x 4 x 2 voxels of mag 1.
    assert transformations["1"] == [[1, 4, 4, 10], [0, 0, 0, 0]]
    assert transformations["4-4-2"] == [[1, 16, 16, 20], [0, 6, 6, 5]]


def test_slabs_are_taken_one_after_the_other(tmp_path: Path) -> None:
    """Memory must not grow with the number of slices."""
    alive = 0
    most = 0

    class Tracked(np.ndarray[Any, Any]):
        def __del__(self) -> None:
            nonlocal alive
            if self.base is None:
                alive -= 1

    def generated() -> Iterator[NDArray[Any]]:
        nonlocal alive, most
        for number in range(20):
            alive += 1
            most = max(most, alive)
            slab = Tracked((1, 32, 40, 40), np.uint8)
            slab[...] = number
            yield slab

    data = np.empty((1, 640, 40, 40), np.uint8)
    write(tmp_path, data, slabs=generated())
    assert most <= 4


@pytest.mark.parametrize("data_format", [DataFormat.ZARR3, DataFormat.WKW])
def test_a_source_that_fails_leaves_no_array_and_no_part(
    tmp_path: Path, data_format: DataFormat
) -> None:
    data = voxels("uint8")

    def broken() -> Iterator[NDArray[Any]]:
        yield data[:, :32]
        raise OSError("slice 33 can't be decoded")

    with pytest.raises(OSError, match="slice 33"):
        write(tmp_path, data, data_format=data_format, slabs=broken())
    left = reading.files_below(tmp_path / "layer") if (tmp_path / "layer").exists() else []
    assert [f for f in left if "part" in f or f.endswith(("zarr.json", "header.wkw"))] == []


def test_a_source_that_ends_early_is_no_layer(tmp_path: Path) -> None:
    data = voxels("uint8")
    with pytest.raises(ValueError, match="layer ended after 64 of 77 slices"):
        write(tmp_path, data, slabs=iter([data[:, :64]]))
    assert not list(tmp_path.rglob("zarr.json"))
