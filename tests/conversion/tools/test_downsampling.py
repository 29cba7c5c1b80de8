"""New mags hold what the public library would make, and none is told of before it is whole."""

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaozarrs
from numpy.typing import NDArray

from conversion.pipeline.filters import Filter
from conversion.pipeline.mags import Sampling
from conversion.tools.downsampling import MissingMags, add_mags, missing_mags
from conversion.tools.new_mags import add_to_file
from conversion.tools.opened import open_dataset
from conversion.tools.problem import ToolProblem
from datasets.properties import Category, DataFormat, Mag
from tests.conversion.tools import datasets_made as made


def downsample(directory: Path, **options: Any) -> None:
    dataset = open_dataset(directory)
    chosen = {name: options.pop(name) for name in ("coarsest", "sampling") if name in options}
    settings: dict[str, Any] = {"publish": partial(add_to_file, directory)} | options
    add_mags(dataset, missing_mags(dataset, **chosen), **settings)


def median_of_blocks(data: NDArray[Any], offset: int, factor: int) -> NDArray[Any]:
    """numpy's words for it: the box goes on mirrored up to whole blocks, on both sides."""
    pads = [(0, 0)] + [(offset % factor, -(offset + n) % factor) for n in data.shape[1:]]
    whole = np.pad(data, pads, mode="symmetric")
    c, z, y, x = whole.shape
    blocks = whole.reshape(c, z // factor, factor, y // factor, factor, x // factor, factor)
    return np.median(blocks, axis=(2, 4, 6)).astype(data.dtype)


@pytest.mark.parametrize("data_format", [DataFormat.ZARR3, DataFormat.WKW])
@pytest.mark.parametrize("offset", [0, 33])
def test_a_mag_is_the_median_of_the_one_before_wherever_the_layer_begins(
    tmp_path: Path, data_format: DataFormat, offset: int
) -> None:
    data = made.voxels((150, 70, 40))
    around = np.pad(data, [(0, 0), *[(offset, 0)] * 3])
    directory = made.make(tmp_path / "ds", around, data_format=data_format)
    made.with_box(directory, (offset,) * 3, (150, 70, 40))

    downsample(directory, sampling=Sampling.ISOTROPIC)

    assert made.mags_of(directory) == ["1", "2", "4"]
    second = median_of_blocks(data, offset, 2)
    assert np.array_equal(made.read(directory, Mag(2, 2, 2)), second)
    assert np.array_equal(
        made.read(directory, Mag(4, 4, 4)), median_of_blocks(second, offset // 2, 2)
    )
    assert made.hidden(directory) == []


def test_blocks_meet_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conversion.tools.blocks.BLOCK_BYTES", 2**16)
    data = made.voxels((301, 130, 67))
    directory = made.make(tmp_path / "ds", data)

    downsample(directory, coarsest=Mag(2, 2, 2), sampling=Sampling.ISOTROPIC)

    assert np.array_equal(made.read(directory, Mag(2, 2, 2)), median_of_blocks(data, 0, 2))


def test_a_thin_last_block_is_mirrored_from_the_block_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversion.tools.blocks.BLOCK_BYTES", 2**12)
    data = made.voxels((129, 64, 33))
    directory = made.make(tmp_path / "ds", data)
    dataset = open_dataset(directory)
    (layer,) = dataset.layers()

    add_mags(
        dataset,
        [MissingMags(layer, made.FINEST, (Mag(4, 4, 4),))],
        publish=partial(add_to_file, directory),
    )

    assert np.array_equal(made.read(directory, Mag(4, 4, 4)), median_of_blocks(data, 0, 4))


def test_segmentations_keep_ids_that_are_there(tmp_path: Path) -> None:
    data = made.voxels((64, 64, 32), "uint64") * np.uint64(2**57 + 1)
    directory = made.make(tmp_path / "ds", data, category=Category.SEGMENTATION)

    downsample(directory)

    assert set(np.unique(made.read(directory, Mag(2, 2, 1)))) <= set(np.unique(data))


def test_a_filter_can_be_chosen(tmp_path: Path) -> None:
    data = made.voxels((64, 64, 32))
    directory = made.make(tmp_path / "ds", data)

    downsample(directory, coarsest=Mag(2, 2, 2), sampling=Sampling.ISOTROPIC, filter_=Filter.MODE)

    assert set(np.unique(made.read(directory, Mag(2, 2, 2)))) <= set(np.unique(data))
    assert not np.array_equal(made.read(directory, Mag(2, 2, 2)), median_of_blocks(data, 0, 2))


def test_ome_metadata_names_the_new_mags(tmp_path: Path) -> None:
    directory = made.make(tmp_path / "ds")

    downsample(directory)

    text = (directory / "color/zarr.json").read_text()
    yaozarrs.validate_ome_json(text)
    document = json.loads(text)
    (multiscale,) = document["attributes"]["ome"]["multiscales"]
    assert [entry["path"] for entry in multiscale["datasets"]] == ["1", "2-2-1", "4-4-2"]


def test_nothing_is_missing_of_a_whole_ladder(tmp_path: Path) -> None:
    directory = made.make(tmp_path / "ds", mags=None)

    assert missing_mags(open_dataset(directory)) == []


def test_a_killed_run_is_gone_on_with(tmp_path: Path) -> None:
    """The process is killed for good while it writes the second of three mags."""
    directory = made.make(tmp_path / "ds", made.voxels((300, 70, 40)))
    script = f"""
import os, signal
from functools import partial
from pathlib import Path
from conversion.tools.downsampling import add_mags, missing_mags
from conversion.tools.new_mags import add_to_file
from conversion.tools.opened import open_dataset
directory = Path({str(directory)!r})
def report(stage, done, total):
    if "4-4-2" in stage:
        os.kill(os.getpid(), signal.SIGKILL)
dataset = open_dataset(directory)
add_mags(dataset, missing_mags(dataset), publish=partial(add_to_file, directory), report=report)
"""
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert made.mags_of(directory) == ["1", "2-2-1"]
    before = (directory / "color/2-2-1/zarr.json").stat().st_mtime_ns

    downsample(directory)

    assert made.mags_of(directory) == ["1", "2-2-1", "4-4-2"]
    assert (directory / "color/2-2-1/zarr.json").stat().st_mtime_ns == before
    assert made.hidden(directory) == []
    fresh = made.make(tmp_path / "fresh", made.voxels((300, 70, 40)))
    downsample(fresh)
    for mag in (Mag(2, 2, 1), Mag(4, 4, 2)):
        assert np.array_equal(made.read(directory, mag), made.read(fresh, mag))


def test_a_mag_that_was_not_told_of_is_told_of_by_the_next_run(tmp_path: Path) -> None:
    directory = made.make(tmp_path / "ds")

    def fail(layer_name: str, mag: object) -> None:
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        downsample(directory, publish=fail)
    assert made.mags_of(directory) == ["1"]
    written = (directory / "color/2-2-1/zarr.json").stat().st_ino

    downsample(directory)

    assert made.mags_of(directory) == ["1", "2-2-1", "4-4-2"]
    assert (directory / "color/2-2-1/zarr.json").stat().st_ino == written


def test_what_somebody_else_put_there_is_left_alone(tmp_path: Path) -> None:
    directory = made.make(tmp_path / "ds")
    (directory / "color/2-2-1").mkdir()
    (directory / "color/2-2-1/notes.txt").write_text("mine")

    with pytest.raises(ToolProblem, match="'color' has a '2-2-1' already"):
        downsample(directory)

    assert (directory / "color/2-2-1/notes.txt").read_text() == "mine"
    assert made.mags_of(directory) == ["1"]


def with_other_voxels(directory: Path) -> NDArray[Any]:
    """Put another mag 1 in place of the dataset's; what mag 2-2-1 is of it."""
    data = made.voxels(seed=7)
    made.make(directory.parent / "other", data)
    (directory / "color/1").rename(directory / "old")
    (directory.parent / "other/color/1").rename(directory / "color/1")
    expected: NDArray[Any] = np.median(data.reshape(1, 40, 35, 2, 75, 2), axis=(3, 5))
    return expected.astype("uint8")


def test_a_changed_source_is_started_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = made.make(tmp_path / "ds")
    rename = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if self.name == "contents":
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as dying:
        dying.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            downsample(directory)
    expected = with_other_voxels(directory)

    downsample(directory, coarsest=Mag(2, 2, 2), sampling=Sampling.ANISOTROPIC)

    assert np.array_equal(made.read(directory, Mag(2, 2, 1)), expected)


def test_a_mag_of_another_source_is_not_removed_since_somebody_may_use_it(tmp_path: Path) -> None:
    directory = made.make(tmp_path / "ds")

    def stop(layer_name: str, mag: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        downsample(directory, publish=stop)
    with_other_voxels(directory)
    written = (directory / "color/2-2-1/zarr.json").stat().st_ino

    for _ in range(2):
        with pytest.raises(ToolProblem, match="'color' has a '2-2-1' already"):
            downsample(directory)

    assert (directory / "color/2-2-1/zarr.json").stat().st_ino == written


def test_two_processes_do_not_write_the_same_mag(tmp_path: Path) -> None:
    directory = made.make(tmp_path / "ds")
    dataset = open_dataset(directory)

    def meanwhile(stage: str, done: int, total: int) -> None:
        downsample(directory)

    with pytest.raises(ToolProblem, match="Another process is writing 2-2-1"):
        add_mags(dataset, missing_mags(dataset), publish=lambda *_: None, report=meanwhile)


@pytest.mark.parametrize("data_format", [DataFormat.N5, DataFormat.ZARR])
def test_formats_that_are_only_read_are_refused(tmp_path: Path, data_format: DataFormat) -> None:
    directory = made.make(tmp_path / "ds")
    (directory / "color/1/.zarray").write_text(
        json.dumps(
            {
                "zarr_format": 2, "shape": [1, 150, 70, 40], "chunks": [1, 32, 32, 32],
                "dtype": "|u1", "compressor": None, "filters": None, "order": "C", "fill_value": 0,
            }
        )
    )  # fmt: skip
    (directory / "color/1/attributes.json").write_text(
        json.dumps(
            {
                "dimensions": [150, 70, 40, 1], "blockSize": [32, 32, 32, 1], "dataType": "uint8",
                "compression": {"type": "raw"},
            }
        )
    )  # fmt: skip
    order = {"c": 3, "x": 0, "y": 1, "z": 2} if data_format is DataFormat.N5 else {}
    source = made.rewritten_properties(directory, data_format=data_format)
    mag = source.layers[0].mags[0].model_copy(update={"axis_order": order})
    made.rewritten_properties(directory, mags=(mag,))

    with pytest.raises(ToolProblem, match="only read here, not written"):
        downsample(directory)


def test_an_unknown_layer_is_said_with_those_that_are_there(tmp_path: Path) -> None:
    directory = made.make(tmp_path / "ds")

    with pytest.raises(ToolProblem, match=r"no layer 'colour'\. It has 'color'\."):
        missing_mags(open_dataset(directory), layer_name="colour")


def test_points_in_time_get_coarser_mags_that_can_be_read(tmp_path: Path) -> None:
    directory = made.make_series(tmp_path / "ds", points=2)

    downsample(directory, coarsest=Mag(2, 2, 2), sampling=Sampling.ISOTROPIC)

    assert [made.read(directory, Mag(2, 2, 2), index={"t": t}).min() for t in range(2)] == [1, 2]
