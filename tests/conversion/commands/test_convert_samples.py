"""Every real sample is converted, and read back as other people's programs read the original."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import tifffile
import zarr
from django.core.management import call_command
from numpy.typing import NDArray
from PIL import Image

from datasets import properties
from datasets.voxels.box import Box
from datasets.voxels.open import open_mag

Voxels = NDArray[Any]
Layers = dict[str, Voxels]
"""By name of layer, (further axes, z, y, x); of RGB (z, y, x, 3)."""


def pictures(folder: Path) -> Voxels:
    return np.stack([np.asarray(Image.open(file)) for file in sorted(folder.iterdir())])


def tiff_series(path: Path) -> Layers:
    files = sorted(path.glob("*.tiff"))
    return {"tiff_series": np.stack([tifffile.imread(file) for file in files])}


def temca2(path: Path) -> Layers:
    tiles = {f"{z}_{y}": pictures(path / z / y) for z in ("1", "2", "40") for y in ("60", "61")}
    return {"temca2": np.asarray(Image.open(path / "black.jpg"))[None], **tiles}


def rgb(path: Path) -> Layers:
    return {"rgb_tiff": tifffile.imread(path / "test_rgb.tif")[None]}


def dicoms(path: Path) -> Layers:
    slices = [pydicom.dcmread(file) for file in path.iterdir()]

    def along_normal(one: pydicom.Dataset) -> float:
        x, y = np.split(np.array(one.ImageOrientationPatient, float), 2)
        return float(np.cross(x, y) @ np.array(one.ImagePositionPatient, float))

    ordered = sorted(slices, key=along_normal)
    return {"N2D_0001": np.stack([one.pixel_array for one in ordered])}


def mrc(path: Path) -> Layers:
    content = path.read_bytes()
    columns, rows, sections, mode = struct.unpack("<4i", content[:16])
    assert mode == 2
    voxels = np.frombuffer(content, "<f4", offset=len(content) - columns * rows * sections * 4)
    return {path.stem: voxels.reshape(sections, rows, columns)}


def time_series(path: Path) -> Layers:
    return {"4D-series": tifffile.imread(path / "4D-series.ome.tif")}


def channels(path: Path) -> Layers:
    stored = tifffile.imread(path / "multi-channel-z-series.ome.tif")
    return {f"multi-channel-z-series_{number}": stored[number] for number in range(3)}


def single_channel(path: Path) -> Layers:
    return {"single_channel": tifffile.imread(next(path.iterdir()))[None]}


def zarr_of_time(path: Path) -> Layers:
    points = tifffile.imread(path.parent / "4D_series" / "4D-series.ome.tif")
    points[2:] = 0  # which the store lacks
    return {"color": points}


def stored_zarr(path: Path) -> Layers:
    stored = zarr.open_array(path.parent / "simple_zarr_dataset" / "color" / "1-1-1", mode="r")
    voxels = np.asarray(stored[:]).transpose(3, 2, 1, 0)[:24, :24, :24]
    return {"color": voxels if path.name != "simple_ng_dataset2" else voxels[..., 0]}


def empty_wkw(path: Path) -> Layers:
    return {"color": np.zeros((24, 24, 24, 3), np.uint8)}


CASES: dict[str, Callable[[Path], Layers]] = {
    "tiff_series": tiff_series,
    "temca2": temca2,
    "rgb_tiff": rgb,
    "dicoms": dicoms,
    "mrc/EMD-3197.map": mrc,
    "4D/4D_series": time_series,
    "4D/multi_channel_z_series": channels,
    "4D/single_channel": single_channel,
    "4D/4D_series_zarr3": zarr_of_time,
    "simple_zarr_dataset": stored_zarr,
    "simple_zarr3_dataset": stored_zarr,
    "simple_n5_dataset": stored_zarr,
    "simple_ng_dataset": stored_zarr,
    "simple_ng_dataset2": stored_zarr,
    "simple_wkw_dataset": empty_wkw,
}


def read_back(dataset: Path) -> Layers:
    source = properties.read(dataset / properties.FILE_NAME)
    assert properties.problems(source) == []
    return {layer.name: _voxels(dataset, layer) for layer in source.layers}


def _voxels(dataset: Path, layer: properties.Layer) -> Voxels:
    mag = layer.mags[0]
    assert mag.path
    array = open_mag(
        dataset / mag.path,
        layer.data_format.value,
        axis_order=mag.axis_order,
        additional_axes={axis.name: axis.index for axis in layer.additional_axes},
    )
    box = Box(layer.bounding_box.top_left, layer.bounding_box.size)
    if layer.additional_axes:
        (axis,) = layer.additional_axes
        read = [array.read(box, additional={axis.name: at}) for at in range(*axis.bounds)]
        return np.stack([one[0].transpose(2, 1, 0) for one in read])
    voxels = array.read(box).transpose(3, 2, 1, 0)
    return voxels if layer.channels == 3 else voxels[..., 0]


@pytest.mark.parametrize("name", CASES)
def test_a_real_sample_is_what_it_was(samples: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "converted"
    call_command(
        "convert", str(samples / name), str(target), "--voxel-size", "4,4,40", "--jobs", "2"
    )
    expected, found = CASES[name](samples / name), read_back(target)
    assert sorted(found) == sorted(expected)
    for layer, voxels in expected.items():
        assert found[layer].dtype == voxels.dtype
        np.testing.assert_array_equal(found[layer], voxels)


CZI_LAYERS = {
    "100x100": ["100x100"],
    "CellDivision_T3_Z5_CH2_X240_Y170_comp2": [
        "CellDivision_T3_Z5_CH2_X240_Y170_comp2_0",
        "CellDivision_T3_Z5_CH2_X240_Y170_comp2_1",
    ],
    "DAPI_GFP": ["DAPI", "GFP"],
    "LLS7_small": ["LatticeLightsheet_1-T1", "LatticeLightsheet_2-T2"],
    "WellD6_S1": ["WellD6_S1"],
    "FOV7_HV110_P0500510000": ["FOV7_HV110_P0500510000"],
    "newCZI_compressed": ["newCZI_compressed"],
    "nuc_small_new_red": ["nuc_small_new_red"],
}


@pytest.mark.parametrize("name", CZI_LAYERS)
def test_a_real_czi_is_what_zeiss_library_reads(samples: Path, tmp_path: Path, name: str) -> None:
    czi = pytest.importorskip("pylibCZIrw.czi", reason="needs the extra czi")
    target = tmp_path / "converted"
    file = samples / "czi" / f"{name}.czi"
    call_command("convert", str(file), str(target), "--voxel-size", "4,4,40", "--jobs", "2")
    found = read_back(target)
    assert list(found) == CZI_LAYERS[name]
    with czi.open_czi(str(file)) as opened:
        box = opened.total_bounding_box
        for channel, voxels in enumerate(found.values()):
            frames = voxels if voxels.ndim == 4 else voxels[None]
            assert len(frames) == box["T"][1]
            for t, frame in enumerate(frames):
                for z, plane in enumerate(frame):
                    stored = opened.read(plane={"C": channel, "T": t, "Z": z})
                    np.testing.assert_array_equal(plane, stored[..., 0])


def test_the_voxel_size_of_real_files_is_taken(samples: Path, tmp_path: Path) -> None:
    sizes = {}
    for name in ("mrc/EMD-3197.map", "dicoms", "czi/WellD6_S1.czi", "simple_ng_dataset2"):
        target = tmp_path / name.replace("/", "_")
        call_command("convert", str(samples / name), str(target), "--jobs", "2")
        scale = json.loads((target / properties.FILE_NAME).read_text())["scale"]
        sizes[name] = ([round(length, 3) for length in scale["factor"]], scale["unit"])
    assert sizes == {
        "mrc/EMD-3197.map": ([11.4, 11.4, 11.4], "angstrom"),
        "dicoms": ([0.7, 0.667, 0.667], "millimeter"),
        "czi/WellD6_S1.czi": ([100, 100, 100], "nanometer"),
        "simple_ng_dataset2": ([1, 1, 1], "nanometer"),
    }
