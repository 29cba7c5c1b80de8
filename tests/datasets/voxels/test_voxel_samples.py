"""Real files of other people's software."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import wkw

from datasets.voxels.box import Box
from datasets.voxels.open import open_mag

CUBE = Box((0, 0, 0), (24, 24, 24))


def test_the_simple_datasets_hold_the_same_voxels(samples: Path) -> None:
    zarr2 = open_mag(samples / "simple_zarr_dataset/color/1-1-1", "zarr")
    assert zarr2.element_class == "uint24"
    voxels = zarr2.read(CUBE)
    assert voxels.any()
    for path, data_format in (
        ("simple_zarr3_dataset/color/1", "zarr3"),
        ("simple_n5_dataset/color/1", "n5"),
        ("simple_ng_dataset/color/1", "neuroglancerPrecomputed"),
    ):
        array = open_mag(samples / path, data_format)
        assert array.shape == (3, 24, 24, 24)
        np.testing.assert_array_equal(array.read(CUBE), voxels, err_msg=path)
    grey = open_mag(samples / "simple_ng_dataset2/color/1", "neuroglancerPrecomputed")
    np.testing.assert_array_equal(grey.read(CUBE), voxels[:1])


def test_the_wkw_sample_reads_as_its_own_library_reads_it(samples: Path) -> None:
    path = samples / "simple_wkw_dataset/color/1"
    array = open_mag(path, "wkw")
    assert array.element_class == "uint24"
    assert array.shape == (3, 32, 32, 32)
    with wkw.Dataset.open(str(path)) as dataset:
        np.testing.assert_array_equal(array.read(CUBE), dataset.read((0, 0, 0), (24, 24, 24)))


@pytest.mark.parametrize(
    ("path", "dtype"),
    [
        ("old_wkw_dataset/color/2", "uint8"),
        ("complex_property_ds/color/1", "uint8"),
        ("complex_property_ds/segmentation/1", "uint32"),
    ],
)
def test_wkw_mags_without_files_are_empty(samples: Path, path: str, dtype: str) -> None:
    array = open_mag(samples / path, "wkw")
    assert array.dtype == dtype
    assert array.shape == (1, 0, 0, 0)
    assert not array.read(CUBE).any()


def test_the_time_series_reads_as_its_original(samples: Path) -> None:
    array = open_mag(
        samples / "4D/4D_series_zarr3/color/1",
        "zarr3",
        axis_order={"c": 0, "x": 4, "y": 3, "z": 2},
        additional_axes={"t": 1},
    )
    original = tifffile.imread(samples / "4D/4D_series/4D-series.ome.tif")
    box = Box((0, 0, 0), (439, 167, 5))
    for t in range(2):
        read = array.read(box, additional={"t": t})
        np.testing.assert_array_equal(read[0].transpose(2, 1, 0), original[t])
    assert not array.read(box, additional={"t": 4}).any()
    assert array.stored_chunk((0, 0, 0, 0), additional={"t": 1}) is not None
    assert array.stored_chunk((0, 0, 0, 0), additional={"t": 4}) is None
