"""`manage.py convert` as people use it: what it says, refuses, leaves behind and goes on with."""

import io
import json
import shutil
import signal
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import zarr
from django.core.management import CommandError, call_command

from tests.conversion.commands.running import run, stack, start

VOXELS = ("--voxel-size", "4,4,40")


def convert(*arguments: object) -> str:
    """What it prints."""
    output = io.StringIO()
    call_command("convert", *map(str, arguments), stdout=output)
    return output.getvalue()


def layers(dataset: Path) -> dict[str, dict[str, Any]]:
    document = json.loads((dataset / "datasource-properties.json").read_text())
    return {layer["name"]: layer for layer in document["dataLayers"]}


def finest(dataset: Path, layer: str) -> np.ndarray:
    """(z, y, x)."""
    return np.asarray(zarr.open_array(dataset / layer / "1", mode="r")[0]).T


def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.01)


def test_it_needs_no_database_and_creates_nothing_but_the_target(tmp_path: Path) -> None:
    source = stack(tmp_path / "cells")
    done = run(
        *("convert", source, tmp_path / "out", *VOXELS),
        DATABASE_URL="nonsense://nowhere",
        DATA_DIR=str(tmp_path / "var"),
    )
    assert done.returncode == 0
    assert done.stdout.endswith(f"Done: {tmp_path / 'out'}\n")
    assert done.stderr.startswith("Converting cells ...\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells", "out"]
    np.testing.assert_array_equal(finest(tmp_path / "out", "cells")[:, 0, 0], [1, 2, 3])


def test_what_is_odd_about_the_source_is_told(tmp_path: Path) -> None:
    folder = stack(tmp_path / "cells", slices=5)
    (folder / "003.png").unlink()
    for more in ((), ("--dry-run",)):
        said = convert(folder, tmp_path / "out", *VOXELS, *more)
        assert said.count("numbering") == 1
        shutil.rmtree(tmp_path / "out", ignore_errors=True)


def test_a_dry_run_tells_all_and_writes_nothing(tmp_path: Path) -> None:
    said = convert(stack(tmp_path / "cells"), tmp_path / "out", *VOXELS, "--dry-run")
    assert "cells: picture, 50 x 40 x 3 voxels, uint8, 3 files" in said
    assert "Voxel size: 4 x 4 x 40 nm (from the options)" in said
    assert "Layer cells: color, 50 x 40 x 3 uint8" in said
    # Of mags 1, 2-2-1 and 4-4-1: 6,000 + 1,500 + 390 bytes.
    assert "mags 1 2-2-1 4-4-1 (median), 7.7 KiB before compression" in said
    assert [path.name for path in tmp_path.iterdir()] == ["cells"]


def test_a_dry_run_without_a_voxel_size_tells_all_the_rest_and_that_it_is_missing(
    tmp_path: Path,
) -> None:
    done = run("convert", stack(tmp_path / "cells"), tmp_path / "out", "--dry-run")
    assert done.returncode == 1
    assert "cells: picture, 50 x 40 x 3 voxels" in done.stdout
    assert "Voxel size: not known; the mags below are those of cubes" in done.stdout
    assert "Layer cells: color, 50 x 40 x 3 uint8" in done.stdout
    assert done.stderr.startswith("CommandError: The size of a voxel is not known.")
    assert "--voxel-size 4,4,40" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "chunks of 32 x 32 x 32 in shards of 320 x 64 x 32 (mag 1) and up to 160 x 32 x 32 ("),
        (("--shard-shape", "64", "--no-downsample"), "in shards of 64 x 64 x 32, tuned"),
        (("--data-format", "wkw", "--no-downsample"), "wkw, LZ4, files of "),
    ],
)
def test_a_dry_run_tells_how_large_files_will_be(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    source = stack(tmp_path / "cells", shape=(40, 300))
    assert said in convert(source, tmp_path / "out", *VOXELS, "--dry-run", *options)


def test_options_decide_what_is_written(tmp_path: Path) -> None:
    convert(
        *(stack(tmp_path / "cells"), tmp_path / "out"),
        *("--voxel-size", "0.5,0.5,2", "--unit", "um", "--layer-name", "ids"),
        *("--category", "segmentation", "--name", "My cells", "--max-mag", "2"),
        *("--chunk-shape", "16", "--shard-shape", "64,64,32", "--profile", "small"),
    )
    document = json.loads((tmp_path / "out" / "datasource-properties.json").read_text())
    layer = layers(tmp_path / "out")["ids"]
    assert document["id"]["name"] == "My cells"
    assert document["scale"] == {"factor": [0.5, 0.5, 2.0], "unit": "micrometer"}
    assert (layer["category"], layer["largestSegmentId"]) == ("segmentation", 3)
    assert [mag["mag"] for mag in layer["mags"]] == [[1, 1, 1], [2, 2, 1]]
    array = json.loads((tmp_path / "out" / "ids" / "1" / "zarr.json").read_text())
    sharding = array["codecs"][0]["configuration"]
    assert sharding["chunk_shape"] == [1, 16, 16, 16]


def test_wkw_is_written_on_request(tmp_path: Path) -> None:
    convert(stack(tmp_path / "cells"), tmp_path / "out", *VOXELS, "--data-format", "wkw")
    assert layers(tmp_path / "out")["cells"]["dataFormat"] == "wkw"
    assert (tmp_path / "out" / "cells" / "1" / "header.wkw").is_file()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--voxel-size", "4,4", "'4,4' is not three lengths above 0"),
        ("--voxel-size", "4,4,0", "is not three lengths above 0"),
        ("--voxel-size", "4,4,nan", "is not three lengths above 0"),
        ("--voxel-size", "4,4,1e308", "is not three lengths above 0"),
        ("--unit", "furlong", "'furlong' is not a known unit of length"),
        ("--chunk-shape", "1,2", "is not one or three whole numbers"),
        ("--max-mag", "big", "is no mag"),
        ("--interpolation-mode", "nearest", "nearest is not offered; mode"),
        ("--jobs", "0", "is no number of threads"),
        ("--data-format", "n5", "invalid choice"),
    ],
)
def test_options_that_make_no_sense_are_told(option: str, value: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("convert", "in", "out", option, value)


def test_what_makes_no_sense_ends_with_2(tmp_path: Path) -> None:
    done = run("convert", tmp_path, tmp_path / "out", "--voxel-size", "big")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_target_is_not_replaced_unless_asked_for_and_a_dataset(tmp_path: Path) -> None:
    source, target = stack(tmp_path / "cells"), tmp_path / "out"
    target.mkdir()  # empty: nothing is lost
    convert(source, target, *VOXELS)
    with pytest.raises(CommandError, match=r"There is something at .* already"):
        convert(source, target, *VOXELS, "--layer-name", "other")
    assert list(layers(target)) == ["cells"]
    convert(source, target, *VOXELS, "--layer-name", "other", "--overwrite-existing")
    assert list(layers(target)) == ["other"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells", "out"]
    with pytest.raises(CommandError, match=r"is no dataset .* so it is not replaced"):
        convert(stack(tmp_path / "more"), source, *VOXELS, "--overwrite-existing")
    assert len(list(source.iterdir())) == 3


def test_source_and_target_must_not_lie_in_each_other(tmp_path: Path) -> None:
    source = stack(tmp_path / "cells")
    for target in (source, source / "out"):
        with pytest.raises(CommandError, match="lie in each other"):
            convert(source, target, *VOXELS)


def test_a_slice_that_is_broken_further_down_is_named(tmp_path: Path) -> None:
    source = stack(tmp_path / "cells")
    file = source / "002.png"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(CommandError, match=r"002\.png: .*decoded"):
        convert(source, tmp_path / "out", *VOXELS)
    assert [path.name for path in tmp_path.iterdir()] == ["cells"]


def test_an_archive_is_converted_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    folder = stack(tmp_path / "in")
    with zipfile.ZipFile(tmp_path / "cells.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    convert(tmp_path / "cells.zip", tmp_path / "out", *VOXELS)
    assert list(layers(tmp_path / "out")) == ["cells"]
    np.testing.assert_array_equal(finest(tmp_path / "out", "cells")[:, 0, 0], [1, 2, 3])
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["cells.zip", "in", "out"]


def test_slices_that_differ_are_padded_if_asked_for(tmp_path: Path) -> None:
    source = stack(tmp_path / "cells")
    (source / "001.png").write_bytes(imagecodecs.png_encode(np.full((60, 20), 9, np.uint8)))
    convert(source, tmp_path / "out", *VOXELS, "--differing", "pad")
    found = finest(tmp_path / "out", "cells")
    assert found.shape == (3, 60, 50)
    assert (found[1, :, :20] == 9).all()
    assert not found[1, :, 20:].any()
    assert not found[0, 40:].any()


MANY = 80
"""Layers, so that there are many steps between which a process may stop."""


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for number in range(MANY):
        stack(tmp_path / "many" / f"layer{number:03}", slices=1)
    return tmp_path / "many"


def markers(work: Path) -> list[Path]:
    return list((work / "done").glob("*.json"))


def test_ctrl_c_leaves_what_is_done_and_the_same_command_goes_on(
    tmp_path: Path, many: Path
) -> None:
    target, work = tmp_path / "out", tmp_path / ".out.converting"
    process = start("convert", many, target, *VOXELS)
    until(lambda: len(markers(work)) > 3 or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"Interrupted. What is done is kept in {work}." in errors
    assert "Traceback" not in errors
    assert not target.exists()
    assert not list(work.rglob("*.claim"))
    written = {
        path.relative_to(work / "dataset"): path.stat().st_mtime_ns
        for path in (work / "dataset").rglob("c/*/*/*/*")
    }
    assert 0 < len(markers(work)) < MANY
    convert(many, target, *VOXELS)
    assert len(layers(target)) == MANY
    kept = [path for path, at in written.items() if (target / path).stat().st_mtime_ns == at]
    assert len(kept) >= len(written) - 3  # what was just being written
    assert not work.exists()


def test_a_second_command_meanwhile_helps(tmp_path: Path, many: Path) -> None:
    target = tmp_path / "out"
    first, second = (start("convert", many, target, *VOXELS, "--jobs", "1") for _ in range(2))
    ends = [process.communicate(timeout=120) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], ends
    found = layers(target)
    assert len(found) == MANY
    assert finest(target, "layer007").max() == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["many", "out"]
