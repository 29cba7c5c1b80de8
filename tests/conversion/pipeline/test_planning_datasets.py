"""What becomes of datasets that are there already, in every format that the site reads."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

from conversion.pipeline.options import Options
from conversion.pipeline.planning import Finding, PlanProblem, find, planned
from conversion.pipeline.write_layer import write_dataset, write_layer
from conversion.readers import UnreadableImage
from conversion.readers.sandbox import Sandbox
from datasets import properties
from datasets.properties import Category, DataFormat, Mag, VoxelSize
from tests.conversion.tools import datasets_made

SIZE = VoxelSize(factor=(4, 4, 40))
SHAPE = (70, 40, 33)  # x, y, z


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


@pytest.fixture(scope="module")
def volume() -> NDArray[np.uint16]:
    """As (z, y, x)."""
    return np.random.default_rng(2).integers(0, 60000, SHAPE[::-1], np.uint16)


def dataset(folder: Path, volume: NDArray[np.uint16], data_format: DataFormat) -> Path:
    assert data_format in (DataFormat.ZARR3, DataFormat.WKW)
    layer = write_layer(
        folder,
        "ids",
        iter([volume[None, :32], volume[None, 32:]]),
        shape=SHAPE,
        dtype=volume.dtype,
        category=Category.SEGMENTATION,
        voxel_size=SIZE,
        data_format=data_format,
    )
    write_dataset(folder, SIZE, [layer])
    return folder


def voxels(finding: Finding, number: int = 0, **index: int) -> NDArray[np.generic]:
    source = finding.layers[number].source
    width, height, depth = source.shape
    out = np.empty((source.num_channels, depth, height, width), source.dtype)
    source.read(index, range(depth), range(height), out)
    return out


@pytest.mark.parametrize("data_format", [DataFormat.ZARR3, DataFormat.WKW])
def test_a_dataset_is_read_with_what_its_properties_say(
    tmp_path: Path, sandbox: Sandbox, volume: NDArray[np.uint16], data_format: DataFormat
) -> None:
    finding = find(dataset(tmp_path / "old", volume, data_format), Options(), sandbox)
    (layer,) = finding.layers
    assert (layer.name, layer.category, layer.offset) == ("ids", "segmentation", (0, 0, 0))
    np.testing.assert_array_equal(voxels(finding)[0], volume)
    plan = planned(finding, Options())
    assert plan.voxel_size == SIZE
    assert plan.voxel_size_source == "its datasource-properties.json"


def test_bands_of_rows_are_what_whole_slices_are(
    tmp_path: Path, sandbox: Sandbox, volume: NDArray[np.uint16]
) -> None:
    finding = find(dataset(tmp_path / "old", volume, DataFormat.ZARR3), Options(), sandbox)
    out = np.empty((1, 5, 7, SHAPE[0]), np.uint16)
    finding.layers[0].source.read({}, range(20, 25), range(30, 37), out)
    np.testing.assert_array_equal(out[0], volume[20:25, 30:37])


def test_without_properties_the_data_tell(
    tmp_path: Path, sandbox: Sandbox, volume: NDArray[np.uint16]
) -> None:
    folder = dataset(tmp_path / "old", volume, DataFormat.ZARR3)
    (folder / properties.FILE_NAME).unlink()
    finding = find(folder, Options(), sandbox)
    np.testing.assert_array_equal(voxels(finding)[0], volume)
    assert planned(finding, Options()).voxel_size == SIZE


def test_a_single_array_is_enough(
    tmp_path: Path, sandbox: Sandbox, volume: NDArray[np.uint16]
) -> None:
    array = zarr.create_array(
        tmp_path / "plain", shape=volume.shape, dtype="uint16", chunks=(16, 16, 16), zarr_format=2
    )
    array[:] = volume
    finding = find(tmp_path / "plain", Options(), sandbox)
    np.testing.assert_array_equal(voxels(finding)[0], volume)
    with pytest.raises(PlanProblem, match="--voxel-size"):
        planned(finding, Options())


def test_channels_that_are_no_colours_become_layers(tmp_path: Path, sandbox: Sandbox) -> None:
    stored = np.arange(2 * 4 * 5 * 6, dtype=np.uint16).reshape(2, 4, 5, 6)
    array = zarr.create_array(
        tmp_path / "old" / "color" / "1", shape=stored.shape, dtype="uint16", chunks=(1, 4, 4, 4)
    )
    array[:] = stored
    finding = find(tmp_path / "old", Options(), sandbox)
    assert [layer.name for layer in finding.layers] == ["color_0", "color_1"]
    for channel in range(2):
        expected = stored[channel].transpose(2, 1, 0)
        np.testing.assert_array_equal(voxels(finding, channel)[0], expected)


def change(folder: Path, **values: object) -> None:
    """Of the only layer in the properties file."""
    file = folder / properties.FILE_NAME
    document = json.loads(file.read_text())
    document["dataLayers"][0] |= values
    file.write_text(json.dumps(document))


def test_only_the_bounding_box_is_taken_and_it_stays_where_it_is(
    tmp_path: Path, sandbox: Sandbox, volume: NDArray[np.uint16]
) -> None:
    folder = dataset(tmp_path / "old", volume, DataFormat.ZARR3)
    change(folder, boundingBox={"topLeft": [3, 4, 5], "width": 20, "height": 10, "depth": 6})
    finding = find(folder, Options(), sandbox)
    assert finding.layers[0].offset == (3, 4, 5)
    np.testing.assert_array_equal(voxels(finding)[0], volume[5:11, 4:14, 3:23])


def test_points_outside_of_an_axis_bounds_are_not_taken_and_the_rest_counts_from_0(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    folder = datasets_made.make_series(tmp_path / "old", points=3)
    datasets_made.with_axis(folder, "t", (1, 3))
    finding = find(folder, Options(), sandbox)
    assert finding.images[0].axes == (("t", 2),)
    assert "The axis 't' of layer 'color' begins at 1; in the new dataset" in finding.notes[0]


def test_what_is_not_taken_along_is_told(
    tmp_path: Path, sandbox: Sandbox, volume: NDArray[np.uint16]
) -> None:
    folder = dataset(tmp_path / "old", volume, DataFormat.ZARR3)
    change(folder, mappings=["agglomerate"])
    notes = find(folder, Options(), sandbox).notes
    assert notes == ("Not taken along of layer 'ids': its mappings.",)


def test_a_finest_mag_of_larger_voxels_becomes_mag_1(
    tmp_path: Path, sandbox: Sandbox, volume: NDArray[np.uint16]
) -> None:
    folder = dataset(tmp_path / "old", volume, DataFormat.ZARR3)
    mags = [{"mag": [2, 2, 1], "path": "./ids/2-2-1"}]
    change(folder, mags=mags)
    finding = find(folder, Options(), sandbox)
    plan = planned(finding, Options())
    assert plan.voxel_size == VoxelSize(factor=(8, 8, 40))
    assert plan.layers[0].shape == (35, 20, 33)
    assert plan.layers[0].mags[0] == Mag(1, 1, 1)
    assert finding.notes == ("The finest mag is 2-2-1; it becomes mag 1, of larger voxels.",)


@pytest.mark.parametrize("path", ["/etc", "../other/1", "s3://bucket/1"])
def test_a_path_that_leads_out_is_refused(
    tmp_path: Path, sandbox: Sandbox, volume: NDArray[np.uint16], path: str
) -> None:
    folder = dataset(tmp_path / "old", volume, DataFormat.ZARR3)
    change(folder, mags=[{"mag": 1, "path": path}])
    with pytest.raises(PlanProblem, match="Layer 'ids' does not lie in the dataset"):
        find(folder, Options(), sandbox)


def test_a_mag_that_is_not_there_is_told(
    tmp_path: Path, sandbox: Sandbox, volume: NDArray[np.uint16]
) -> None:
    folder = dataset(tmp_path / "old", volume, DataFormat.ZARR3)
    change(folder, mags=[{"mag": 1, "path": "./ids/gone"}])
    with pytest.raises(UnreadableImage, match="of layer 'ids' is not there"):
        find(folder, Options(), sandbox)


def test_a_broken_shard_is_told_when_it_is_read(
    tmp_path: Path, sandbox: Sandbox, volume: NDArray[np.uint16]
) -> None:
    folder = dataset(tmp_path / "old", volume, DataFormat.ZARR3)
    finding = find(folder, Options(), sandbox)
    shard = max((folder / "ids" / "1" / "c").rglob("*"), key=lambda file: file.stat().st_size)
    shard.write_bytes(bytes(100))
    with pytest.raises(UnreadableImage, match="can't be used"):
        voxels(finding)


@pytest.mark.parametrize(
    "name",
    [
        "simple_zarr3_dataset",
        "simple_n5_dataset",
        "simple_ng_dataset",
    ],
)
def test_the_same_real_dataset_is_found_in_every_format(
    samples: Path, sandbox: Sandbox, name: str
) -> None:
    expected = find(samples / "simple_zarr_dataset", Options(), sandbox)
    finding = find(samples / name, Options(), sandbox)
    assert [layer.source.num_channels for layer in finding.layers] == [3]
    assert voxels(expected).any()
    np.testing.assert_array_equal(voxels(finding), voxels(expected))


def test_real_time_points_are_read_at_their_index(samples: Path, sandbox: Sandbox) -> None:
    folder = samples / "4D" / "4D_series_zarr3"
    finding = find(folder, Options(), sandbox)
    assert finding.layers[0].image.axes == (("t", 7),)
    series = tifffile.imread(samples / "4D" / "4D_series" / "4D-series.ome.tif")
    np.testing.assert_array_equal(voxels(finding, t=1)[0], series[1])
