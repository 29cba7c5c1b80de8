"""Compressing changes how voxels are stored and nothing else, also when it is killed."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wkw
import zarr
from numpy.typing import NDArray

from conversion.tools.compressing import compress
from conversion.tools.opened import open_dataset
from conversion.tools.problem import ToolProblem
from datasets.properties import DataFormat, Mag
from tests.conversion.tools import datasets_made as made

DATA = made.voxels((150, 70, 40), "uint16")


def raw_wkw(directory: Path, file_length: int = 8) -> Path:
    """Blocks as they are, written by the format's own library."""
    made.make(directory, DATA, data_format=DataFormat.WKW)
    place = directory / "color/1"
    shutil.rmtree(place)
    header = wkw.Header(
        np.uint16, block_len=32, file_len=file_length, block_type=wkw.Header.BLOCK_TYPE_RAW
    )
    with wkw.Dataset.create(str(place), header) as dataset:
        dataset.write((0, 0, 0), DATA[0].transpose(2, 1, 0))
    return directory


def plain_zarr(directory: Path, **options: Any) -> Path:
    """A chunk a file, without any codec."""
    made.make(directory, DATA)
    place = directory / "color/1"
    shutil.rmtree(place)
    array = zarr.create_array(
        place,
        shape=(1, 150, 70, 40),
        chunks=(1, 64, 64, 64),
        dtype="uint16",
        compressors=None,
        dimension_names=["c", "x", "y", "z"],
        fill_value=0,
        **options,
    )
    array[:] = DATA.transpose(0, 3, 2, 1)
    return directory


def files_of(directory: Path) -> int:
    return sum(path.is_file() for path in directory.rglob("*"))


def read(directory: Path) -> NDArray[Any]:
    return made.read(directory)


@pytest.mark.parametrize("make", [raw_wkw, plain_zarr])
def test_raw_data_becomes_small_and_stays_the_same(tmp_path: Path, make: Any) -> None:
    directory = make(tmp_path / "ds")
    before = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    said = (directory / "datasource-properties.json").read_text()

    (done,) = compress(open_dataset(directory))

    assert done.mag == made.FINEST
    assert np.array_equal(read(directory), DATA)
    after = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    assert after < 0.7 * before
    assert (directory / "datasource-properties.json").read_text() == said
    assert made.hidden(directory) == []
    assert compress(open_dataset(directory)) == []


@pytest.mark.parametrize("file_length", [2, 8])
def test_files_and_chunks_keep_their_lengths(tmp_path: Path, file_length: int) -> None:
    """Of WKW since the properties name the cube's, of Zarr since somebody chose it."""
    raw, plain = raw_wkw(tmp_path / "wkw", file_length), plain_zarr(tmp_path / "zarr")

    compress(open_dataset(raw))
    compress(open_dataset(plain))

    with wkw.Dataset.open(str(raw / "color/1")) as dataset:
        assert dataset.header.file_len == file_length
        assert dataset.header.block_type == wkw.Header.BLOCK_TYPE_LZ4HC
    metadata = json.loads((plain / "color/1/zarr.json").read_text())
    (sharding,) = metadata["codecs"]
    assert sharding["configuration"]["chunk_shape"] == [1, 64, 64, 64]
    assert np.array_equal(
        zarr.open_array(plain / "color/1", mode="r")[:], DATA.transpose(0, 3, 2, 1)
    )


def test_attributes_are_kept(tmp_path: Path) -> None:
    directory = plain_zarr(tmp_path / "ds", attributes={"stain": "DAPI"})

    compress(open_dataset(directory))

    assert zarr.open_array(directory / "color/1", mode="r").attrs["stain"] == "DAPI"


def test_what_is_written_meanwhile_is_not_lost(tmp_path: Path) -> None:
    directory = plain_zarr(tmp_path / "ds")

    def write(*_: object) -> None:
        zarr.open_array(directory / "color/1", mode="r+")[0, :64, :64, :40] = 7

    with pytest.raises(ToolProblem, match="changed while it was compressed"):
        compress(open_dataset(directory), report=write)
    compress(open_dataset(directory))

    assert np.all(read(directory)[0, :, :64, :64] == 7)
    assert made.hidden(directory) == []


def test_all_is_on_the_disk_before_the_other_data_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = plain_zarr(tmp_path / "ds")
    synced: set[Path] = set()
    fsync, rename = os.fsync, Path.rename

    def note(descriptor: int) -> None:
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    def check(self: Path, target: Path) -> Path:
        if self.name == "contents":
            assert {self, *(path for path in self.rglob("*") if path.is_dir())} <= synced
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(Path, "rename", check)
    assert compress(open_dataset(directory))


@pytest.mark.parametrize("step", [1, 2])
def test_a_kill_between_the_renames_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    directory = plain_zarr(tmp_path / "ds")
    rename = Path.rename
    fatal = {1: "1", 2: ".1.compressed"}[step]

    def killed(self: Path, target: Path) -> Path:
        if self.name == fatal:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as dying:
        dying.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            compress(open_dataset(directory))
    assert (directory / "color/1").exists() == (step == 1)

    compress(open_dataset(directory))

    assert np.array_equal(read(directory), DATA)
    assert compress(open_dataset(directory)) == []
    assert made.hidden(directory) == []


def test_only_the_named_mags_are_compressed(tmp_path: Path) -> None:
    directory = raw_wkw(tmp_path / "ds")

    with pytest.raises(ToolProblem, match=r"no mag 2\. It has '1'"):
        compress(open_dataset(directory), mags=[Mag(2, 2, 2)])


def test_axes_in_another_order_are_refused(tmp_path: Path) -> None:
    directory = plain_zarr(tmp_path / "ds")
    order = {"c": 0, "z": 1, "y": 2, "x": 3}
    source = open_dataset(directory).data_source
    mag = source.layers[0].mags[0].model_copy(update={"axis_order": order})
    metadata = directory / "color/1/zarr.json"
    document = json.loads(metadata.read_text())
    document["dimension_names"] = ["c", "z", "y", "x"]
    metadata.write_text(json.dumps(document))
    made.rewritten_properties(directory, mags=(mag,))

    with pytest.raises(ToolProblem, match="another order"):
        compress(open_dataset(directory))


def test_points_outside_of_the_bounds_of_an_axis_are_kept(tmp_path: Path) -> None:
    directory = made.make_series(tmp_path / "ds", points=3)
    made.with_axis(directory, "t", (0, 2))

    compress(open_dataset(directory))

    made.with_axis(directory, "t", (0, 3))
    assert [made.read(directory, index={"t": t}).max() for t in range(3)] == [1, 2, 3]
