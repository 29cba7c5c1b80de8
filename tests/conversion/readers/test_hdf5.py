"""HDF5: arrays, Imaris files as their format is described, and links that lead out of a file."""

import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from conversion.readers import MissingLibrary, UnreadableImage
from conversion.readers.registry import open_file
from tests.conversion.readers.contract import Case, ReaderContract


def numbers(dtype: str, *shape: int) -> NDArray[Any]:
    return np.random.default_rng(1).integers(0, 100, shape).astype(dtype)


def characters(text: str) -> NDArray[Any]:
    """As Imaris writes attributes."""
    return np.array([character.encode() for character in text], "S1")


def write_imaris(path: Path, voxels: NDArray[Any], padded: tuple[int, ...]) -> Path:
    """Write (t, c, z, y, x), each channel padded to `padded`, 0.2 x 0.2 x 0.5 um a voxel."""
    times, channels, *lengths = voxels.shape
    with h5py.File(path, "w") as file:
        about = file.create_group("DataSetInfo/Image").attrs
        for axis, length in zip("ZYX", lengths, strict=True):
            about[axis] = characters(str(length))
        extents = zip((0.2, 0.2, 0.5), lengths[::-1], strict=True)
        for axis, (step, length) in enumerate(extents):
            about[f"ExtMin{axis}"] = characters("-10")
            about[f"ExtMax{axis}"] = characters(f"{step * length - 10:.6f}")
        about["Unit"] = characters("um")
        for channel in range(channels):
            group = file.create_group(f"DataSetInfo/Channel {channel}")
            group.attrs["Name"] = characters(f"stain {channel}")
            group.attrs["Color"] = characters("1.000 0.000 0.500")
        for time, channel in np.ndindex(times, channels):
            place = f"TimePoint {time}/Channel {channel}/Data"
            room = np.full(padded, 99, voxels.dtype)
            room[tuple(map(slice, lengths))] = voxels[time, channel]
            file[f"DataSet/ResolutionLevel 0/{place}"] = room
            file[f"DataSet/ResolutionLevel 1/{place}"] = room[::2, ::2, ::2]
    return path


class TestArrays(ReaderContract):
    @pytest.fixture(params=["u1", ">i4", "f4"])
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> Case:
        voxels = numbers(request.param, 2, 4, 6, 5)
        path = tmp_path / "image.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset("volumes/raw", data=voxels, chunks=(1, 2, 3, 5), compression="gzip")
        return Case(path, voxels.astype(voxels.dtype.newbyteorder("=")))


class TestPlane(ReaderContract):
    """An image of two axes, in a file without any of three."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        voxels, path = numbers("u2", 20, 30), tmp_path / "image.emd"
        with h5py.File(path, "w") as file:
            file["data/image"] = voxels
            file["data/table"] = numbers("f8", 100, 3)
        return Case(path, voxels[None, None])


class TestImaris(ReaderContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        voxels = numbers("u2", 2, 2, 3, 5, 6)
        return Case(write_imaris(tmp_path / "image.ims", voxels, (4, 8, 8)), voxels)


def test_tells_what_imaris_knows(tmp_path: Path) -> None:
    path = write_imaris(tmp_path / "image.ims", numbers("u1", 1, 2, 3, 5, 6), (4, 8, 8))
    (image,) = open_file(path)
    assert image.info.axes == ("c", "z", "y", "x")
    assert image.info.channel_names == ("stain 0", "stain 1")
    assert image.info.channel_colors == ((255, 0, 128),) * 2
    assert image.info.voxel_size is not None
    assert image.info.voxel_size.factor == pytest.approx((0.2, 0.2, 0.5), abs=1e-6)
    assert image.info.voxel_size.unit == "micrometer"


def test_every_array_is_an_image(tmp_path: Path) -> None:
    path = tmp_path / "many.h5"
    with h5py.File(path, "w") as file:
        file["raw"] = numbers("u1", 3, 4, 5)
        file["raw"].attrs["element_size_um"] = (0.04, 0.004, 0.004)
        file["labels/cells"] = numbers("u8", 2, 3, 4, 5)
        file["table"] = numbers("f8", 10, 3)
        file["text"] = "hello"
        file["complex"] = numbers("c8", 2, 3, 4)
        file["again"] = file["/"]  # a circle
    images = {image.info.name: image.info for image in open_file(path)}
    raw, labels = images["raw"], images["labels/cells"]
    assert {name.split("/")[-1] for name in images} == {"raw", "cells"}
    assert raw.shape == (1, 3, 4, 5) and not raw.is_labels
    assert raw.voxel_size is not None and raw.voxel_size.factor == (0.004, 0.004, 0.04)
    assert labels.shape == (2, 3, 4, 5) and labels.is_labels
    assert "taken for" in raw.notes[0]


@pytest.mark.parametrize("way", ["link", "group link", "soft link", "voxels", "virtual"])
def test_never_leaves_its_file(way: str, tmp_path: Path) -> None:
    secret, path = tmp_path / "secret.h5", tmp_path / "image.h5"
    with h5py.File(secret, "w") as file:
        file["secret"] = numbers("u1", 2, 3, 4)
    with h5py.File(path, "w") as file:
        if way == "link":
            file["raw"] = h5py.ExternalLink(secret, "/secret")
        elif way == "group link":
            file["DataSetInfo"] = h5py.ExternalLink(secret, "/")
        elif way == "soft link":
            file["out"] = h5py.ExternalLink(secret, "/")
            file["raw"] = h5py.SoftLink("/out/secret")
        elif way == "voxels":
            file.create_dataset("raw", (2, 3, 4), "u1", external=[(str(secret), 0, 24)])
        else:
            layout = h5py.VirtualLayout((2, 3, 4), "u1")
            layout[:] = h5py.VirtualSource(secret, "secret", (2, 3, 4))
            file.create_virtual_dataset("raw", layout)
    with pytest.raises(UnreadableImage, match="no array"):
        open_file(path)


def test_a_huge_empty_array_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file.create_dataset("raw", (1 << 20, 1 << 20, 1 << 10), "u1", chunks=(64, 64, 64))
    with pytest.raises(UnreadableImage, match="claims to hold"):
        open_file(tmp_path / "bomb.h5")


def test_names_the_extra_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_imaris(tmp_path / "image.ims", numbers("u1", 1, 1, 1, 1, 1), (1, 1, 1))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingLibrary, match=r"\[hdf5\]"):
        open_file(path)
