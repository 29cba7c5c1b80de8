"""TIFFs that tifffile and its metadata agree with, of every class of voxels."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from conversion.tools import exporting
from conversion.tools.exporting import plan_export, write_export
from conversion.tools.opened import open_dataset
from conversion.tools.problem import ToolProblem
from datasets.properties import BoundingBox, Category, DataFormat, Mag
from tests.conversion.tools import datasets_made as made


def export(
    directory: Path,
    target: Path,
    box: BoundingBox | None = None,
    mag: Mag = made.FINEST,
    **how: Any,
) -> Path:
    dataset = open_dataset(directory)
    (layer,) = dataset.layers()
    planned = plan_export(dataset.mag(layer, mag), box, dataset.data_source.voxel_size, **how)
    write_export(planned, target)
    return target


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_usual_voxels_become_an_imagej_stack(tmp_path: Path, dtype: str) -> None:
    data = made.voxels(dtype=dtype)
    directory = made.make(tmp_path / "ds", data)

    target = export(directory, tmp_path / "out.tif", BoundingBox.of((33, 5, 3), (70, 50, 30)))

    with tifffile.TiffFile(target) as tiff:
        assert tiff.is_imagej
        assert np.array_equal(tiff.asarray(), data[0, 3:33, 5:55, 33:103])
        metadata = tiff.imagej_metadata or {}
        assert (metadata["slices"], metadata["spacing"], metadata["unit"]) == (30, 0.01, "um")
        assert tiff.pages[0].tags["XResolution"].value == (250, 1)


@pytest.mark.parametrize(
    "dtype", ["int8", "int16", "int32", "uint32", "float64", "uint64", "int64"]
)
def test_others_become_an_ome_tiff(tmp_path: Path, dtype: str) -> None:
    data = made.voxels(dtype=dtype)
    directory = made.make(tmp_path / "ds", data)

    target = export(directory, tmp_path / "out.tif")

    with tifffile.TiffFile(target) as tiff:
        assert tiff.is_ome
        assert np.array_equal(tiff.asarray(), data[0])
        assert 'PhysicalSizeZ="0.01" PhysicalSizeZUnit="µm"' in (tiff.ome_metadata or "")


def test_ids_that_no_tiff_can_hold_are_said(tmp_path: Path) -> None:
    data = made.voxels(dtype="uint64")
    data[0, 20, 30, 40] = 2**40
    directory = made.make(tmp_path / "ds", data, category=Category.SEGMENTATION)

    with pytest.raises(ToolProblem, match=f"{2**40} near .* 32 bits"):
        export(directory, tmp_path / "new/out.tif")

    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("as_ome", [False, True])
def test_rgb_stays_rgb(tmp_path: Path, as_ome: bool) -> None:
    data = made.voxels(channels=3)
    directory = made.make(tmp_path / "ds", data)

    target = export(directory, tmp_path / "out.tif", as_ome=as_ome)

    with tifffile.TiffFile(target) as tiff:
        assert tiff.is_ome == as_ome
        assert tiff.pages[0].photometric == tifffile.PHOTOMETRIC.RGB
        assert np.array_equal(tiff.asarray(), data.transpose(1, 2, 3, 0))


@pytest.mark.parametrize("as_ome", [False, True])
def test_channels_become_channels(tmp_path: Path, as_ome: bool) -> None:
    data = made.voxels(channels=2, dtype="uint16")
    directory = made.make(tmp_path / "ds", data)

    target = export(directory, tmp_path / "out.tif", as_ome=as_ome)

    with tifffile.TiffFile(target) as tiff:
        assert tiff.series[0].axes == "ZCYX"
        assert np.array_equal(tiff.asarray(), data.transpose(1, 0, 2, 3))


def test_a_box_that_juts_out_is_black_there(tmp_path: Path) -> None:
    data = made.voxels() + np.uint8(1)
    directory = made.make(tmp_path / "ds", data)

    target = export(directory, tmp_path / "out.tif", BoundingBox.of((-5, 60, 30), (20, 20, 20)))

    expected = np.zeros((20, 20, 20), np.uint8)
    expected[:10, :10, 5:] = data[0, 30:, 60:, :15]
    assert np.array_equal(tifffile.imread(target), expected)


def test_a_coarser_mag_has_larger_voxels(tmp_path: Path) -> None:
    directory = made.make(tmp_path / "ds", mags=None)

    target = export(
        directory, tmp_path / "out.tif", BoundingBox.of((0, 0, 0), (64, 64, 8)), Mag(2, 2, 1)
    )

    with tifffile.TiffFile(target) as tiff:
        assert tiff.asarray().shape == (8, 32, 32)
        assert tiff.pages[0].tags["XResolution"].value == (125, 1)


def test_wide_slices_become_an_archive_of_tiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "LARGEST_SIDE", 100)
    monkeypatch.setattr(exporting, "TILE_SIDE", 64)
    data = made.voxels()
    directory = made.make(tmp_path / "ds", data)
    box = BoundingBox.of((7, 3, 0), (140, 66, 40))

    with pytest.raises(ToolProblem, match="too large for one TIFF stack"):
        export(directory, tmp_path / "out.tif", box)
    target = export(directory, tmp_path / "new/out.zip", box)

    whole = np.zeros((40, 66, 140), np.uint8)
    with zipfile.ZipFile(target) as archive:
        assert len(archive.namelist()) == 6
        for name in archive.namelist():
            x, y, z = (int(part[1:]) for part in name.removesuffix(".tif").split("_")[-3:])
            with archive.open(name) as file:
                tile = tifffile.imread(file)
            depth, height, width = tile.shape
            whole[z : z + depth, y - 3 : y - 3 + height, x - 7 : x - 7 + width] = tile
    assert np.array_equal(whole, data[0, :, 3:69, 7:147])
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.zip"]


def test_small_blocks_make_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = made.voxels()
    directory = made.make(tmp_path / "ds", data, data_format=DataFormat.WKW)
    monkeypatch.setattr(exporting, "BLOCK_BYTES", 1000)

    target = export(directory, tmp_path / "out.tif", BoundingBox.of((1, 3, 5), (140, 60, 33)))

    assert np.array_equal(tifffile.imread(target), data[0, 5:38, 3:63, 1:141])


def test_a_box_elsewhere_is_said_with_where_the_layer_is(tmp_path: Path) -> None:
    directory = made.make(tmp_path / "ds")

    with pytest.raises(ToolProblem, match="The layer lies at 0,0,0,150,70,40"):
        export(directory, tmp_path / "out.tif", BoundingBox.of((500, 0, 0), (5, 5, 5)))


def test_of_several_points_on_an_axis_one_has_to_be_named(tmp_path: Path) -> None:
    directory = made.make_series(tmp_path / "ds", points=3)

    with pytest.raises(ToolProblem, match=r"which has t from 0 to 2\. Say which, such as t=0 "):
        export(directory, tmp_path / "out.tif")
    target = export(directory, tmp_path / "out.tif", index={"t": 1})

    assert set(tifffile.imread(target).flat) == {2}


def test_an_axis_with_one_point_leaves_no_choice(tmp_path: Path) -> None:
    directory = made.make_series(tmp_path / "ds", points=3)
    made.with_axis(directory, "t", (2, 3))

    assert set(tifffile.imread(export(directory, tmp_path / "out.tif")).flat) == {3}
