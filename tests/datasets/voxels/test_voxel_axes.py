"""Axes in any order, further axes, missing axes, and coordinates that don't begin at 0."""

from pathlib import Path

import numpy as np
import pytest
import tensorstore as ts
import zarr

from datasets.voxels.axes import named_axes
from datasets.voxels.box import Box
from datasets.voxels.errors import VoxelsBroken
from datasets.voxels.open import open_mag
from tests.datasets.voxels.voxel_contract import decode, expected, make_volume, put_elsewhere

BOX = Box((-2, 3, 1), (20, 20, 12))
TCZYX = {"x": 4, "y": 3, "z": 2, "c": 1}


def write_zarr(path: Path, data: np.ndarray, chunks: tuple[int, ...], **options: object) -> None:
    array = zarr.create_array(
        str(path), shape=data.shape, chunks=chunks, dtype=data.dtype, **options
    )
    array[:] = data


@pytest.fixture
def series() -> np.ndarray:
    """Time, c, z, y, x."""
    volumes = [make_volume("uint16", 2, (24, 18, 12)) * t for t in (1, 2, 3)]
    return np.stack(volumes).transpose(0, 1, 4, 3, 2)


def test_time_is_read_one_index_at_a_time(tmp_path: Path, series: np.ndarray) -> None:
    write_zarr(tmp_path, series, (2, 1, 8, 8, 8))
    array = open_mag(tmp_path, "zarr3", axis_order=TCZYX, additional_axes={"t": 0})
    assert array.shape == (2, 24, 18, 12)
    assert array.chunk_shape == (1, 8, 8, 8)
    (time,) = array.additional_axes
    assert (time.name, time.size, time.chunk_size) == ("t", 3, 2)
    for t in range(3):
        volume = series[t].transpose(0, 3, 2, 1)
        np.testing.assert_array_equal(array.read(BOX, additional={"t": t}), expected(volume, BOX))
    assert not array.read(BOX, additional={"t": 3}).any()


def test_every_further_axis_needs_its_index(tmp_path: Path, series: np.ndarray) -> None:
    write_zarr(tmp_path, series, (2, 1, 8, 8, 8))
    array = open_mag(tmp_path, "zarr3", axis_order=TCZYX, additional_axes={"t": 0})
    for additional in ({}, {"q": 1}, {"t": 0, "q": 1}):
        with pytest.raises(ValueError, match=r"\['t'\]"):
            array.read(BOX, additional=additional)
    with pytest.raises(ValueError, match=r"\['t'\]"):
        array.stored_chunk((0, 0, 0, 0))


def test_stored_chunks_of_a_series_name_their_axes(tmp_path: Path, series: np.ndarray) -> None:
    write_zarr(tmp_path, series, (2, 1, 8, 8, 8), shards=(2, 2, 16, 16, 16))
    array = open_mag(tmp_path, "zarr3", axis_order=TCZYX, additional_axes={"t": 0})
    assert array.codec is not None
    assert array.codec.axes == ("t", "c", "z", "y", "x")
    stored = array.stored_chunk((1, 2, 1, 0), additional={"t": 0})
    assert stored is not None
    chunk = decode(stored, array.codec)
    np.testing.assert_array_equal(chunk, series[:2, 1:, :8, 8:16, 16:24])
    assert array.stored_chunk((1, 2, 1, 0), additional={"t": 2}) is None


def test_two_dimensional_data_has_one_plane(tmp_path: Path) -> None:
    volume = make_volume("uint8", 1, (24, 18, 1))
    write_zarr(tmp_path, volume[0, :, :, 0].T, (8, 8))
    array = open_mag(tmp_path, "zarr3", axis_order={"y": 0, "x": 1})
    assert array.shape == (1, 24, 18, 1)
    np.testing.assert_array_equal(array.read(BOX), expected(volume, BOX))


def test_an_undeclared_axis_of_length_one_is_tolerated(tmp_path: Path) -> None:
    volume = make_volume("uint8", 1, (24, 18, 12))
    write_zarr(tmp_path, volume[None], (1, 1, 8, 8, 8))
    array = open_mag(tmp_path, "zarr3", axis_order={"x": 2, "y": 3, "z": 4})
    np.testing.assert_array_equal(array.read(BOX), expected(volume, BOX))


def test_the_order_may_be_given_for_four_axes(tmp_path: Path) -> None:
    volume = make_volume("uint8", 2, (24, 18, 12))
    write_zarr(tmp_path, volume.transpose(3, 2, 1, 0), (8, 8, 8, 2), zarr_format=2)
    array = open_mag(tmp_path, "zarr", axis_order={"z": 0, "y": 1, "x": 2, "c": 3})
    assert array.chunk_shape == (2, 8, 8, 8)
    np.testing.assert_array_equal(array.read(BOX), expected(volume, BOX))
    assert array.read(BOX).flags.f_contiguous


def test_boolean_masks_read_as_zero_and_one(tmp_path: Path) -> None:
    volume = make_volume("uint8", 1, (24, 18, 12)) > 99
    for name, version in (("zarr", 2), ("zarr3", 3)):
        write_zarr(tmp_path / name, volume, (1, 8, 8, 8), zarr_format=version)
        array = open_mag(tmp_path / name, name)
        assert array.dtype == np.uint8
        np.testing.assert_array_equal(array.read(BOX), expected(volume.astype(np.uint8), BOX))


def test_what_is_stored_nowhere_reads_as_the_fill_value(tmp_path: Path) -> None:
    array = zarr.create_array(
        str(tmp_path), shape=(1, 24, 18, 12), chunks=(1, 8, 8, 8), dtype="float32", fill_value=-1.5
    )
    array[:, :8, :8, :8] = 3
    opened = open_mag(tmp_path, "zarr3")
    assert opened.fill_value == -1.5
    read = opened.read(Box((0, 0, 0), (30, 8, 8)))
    assert (read[:, :8] == 3).all()
    assert (read[:, 8:] == -1.5).all()


def test_precomputed_voxels_lie_at_their_offset(tmp_path: Path) -> None:
    volume = make_volume("uint16", 1, (24, 18, 12))
    store = ts.open(
        {
            "driver": "neuroglancer_precomputed",
            "kvstore": {"driver": "file", "path": f"{tmp_path}/"},
            "multiscale_metadata": {"type": "image", "data_type": "uint16", "num_channels": 1},
            "scale_metadata": {
                "key": "8_8_8",
                "size": [24, 18, 12],
                "voxel_offset": [100, -7, 30],
                "resolution": [8, 8, 8],
                "chunk_size": [8, 8, 8],
                "encoding": "raw",
            },
        },
        create=True,
    ).result()
    store[...] = volume.transpose(1, 2, 3, 0)
    array = open_mag(tmp_path / "8_8_8", "neuroglancerPrecomputed")
    assert array.extent == Box((100, -7, 30), (24, 18, 12))
    assert array.shape == (1, 124, 11, 42)
    read = array.read(Box((98, -4, 31), (20, 20, 12)))
    np.testing.assert_array_equal(read, expected(volume, BOX))
    put_elsewhere(tmp_path / "8_8_8", tmp_path / "elsewhere", "files")
    linked = open_mag(tmp_path / "8_8_8", "neuroglancerPrecomputed")
    for corner in [(100, -7, 30), (116, 9, 38)]:
        with pytest.raises(VoxelsBroken, match="outside of the dataset"):
            linked.read(Box(corner, (1, 1, 1)))


def test_channels_of_a_layer_are_counted_from_its_first(tmp_path: Path) -> None:
    volume = make_volume("uint8", 5, (24, 18, 12))
    write_zarr(tmp_path, volume, (1, 8, 8, 8))
    rgb = open_mag(tmp_path, "zarr3", channel_index=1, element_class="uint24")
    assert rgb.shape == (3, 24, 18, 12)
    assert rgb.element_class == "uint24"
    np.testing.assert_array_equal(rgb.read(BOX), expected(volume, BOX)[1:4])
    np.testing.assert_array_equal(rgb.read(BOX, channels=[2, 0]), expected(volume, BOX)[[3, 1]])
    assert rgb.codec is not None
    stored = rgb.stored_chunk((2, 0, 0, 0))
    assert stored is not None
    np.testing.assert_array_equal(decode(stored, rgb.codec), volume[3:4, :8, :8, :8])
    assert rgb.stored_chunk((3, 0, 0, 0)) is None


def test_a_channel_inside_larger_chunks_is_not_handed_on(tmp_path: Path) -> None:
    volume = make_volume("uint8", 5, (24, 18, 12))
    write_zarr(tmp_path, volume, (5, 8, 8, 8))
    array = open_mag(tmp_path, "zarr3", channel_index=4)
    assert array.codec is None
    assert array.chunk_shape == (1, 8, 8, 8)
    np.testing.assert_array_equal(array.read(BOX), expected(volume, BOX)[4:])
    with pytest.raises(VoxelsBroken, match="5 are stored"):
        open_mag(tmp_path, "zarr3", channel_index=5)


@pytest.mark.parametrize(
    ("shape", "order", "additional", "complaint"),
    [
        ((2, 3, 4, 5, 6), None, {}, "must give an axis order"),
        ((2, 3, 4, 5), {"c": 0, "x": 1, "y": 1, "z": 2}, {}, "same position"),
        ((2, 3, 4), {"x": 0, "y": 1, "z": 3}, {}, "position 3"),
        ((2, 3, 4), {"x": 0, "y": 1, "z": -1}, {}, "position -1"),
        ((2, 3, 4), {"y": 1, "z": 2}, {}, "name x and y"),
        ((2, 3, 4), {"x": 0, "y": 1, "t": 2}, {}, "name x and y"),
        ((2, 3, 4), {"x": 0, "y": 1}, {}, "axis 2 of length 4"),
        ((2, 3, 4, 5), {"x": 0, "y": 1, "z": 2}, {"z": 3}, "named twice"),
    ],
)
def test_an_order_that_does_not_fit_is_explained(shape, order, additional, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        named_axes(shape, order, additional)
