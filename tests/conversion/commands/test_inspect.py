"""`manage.py inspect` tells what a source holds, without a site around it."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from django.core.management import CommandError, call_command

from tests.conversion.commands.running import run, stack


def test_it_needs_no_database_and_leaves_nothing_behind(tmp_path: Path) -> None:
    data_dir = tmp_path / "var"
    done = run(
        "inspect",
        stack(tmp_path / "cells"),
        DATABASE_URL="nonsense://nowhere",
        REDIS_URL="nonsense://nowhere",
        DATA_DIR=str(data_dir),
        TMPDIR=str(tmp_path),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "cells: picture, 50 x 40 x 3 voxels, uint8, 3 files" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells"]


def test_what_is_wrong_is_said_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0broken")
    done = run("inspect", tmp_path / "a.tif")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("CommandError: a.tif: ")
    assert "Traceback" not in done.stderr


@pytest.fixture
def film(tmp_path: Path) -> Path:
    tifffile.imwrite(
        tmp_path / "film.ome.tif",
        np.zeros((2, 2, 3, 4, 5), np.uint16),
        ome=True,
        photometric="minisblack",
        metadata={
            "axes": "TCZYX",
            "Channel": {"Name": ["DAPI", "GFP"]},
            "PhysicalSizeX": 0.5,
            "PhysicalSizeY": 0.5,
            "PhysicalSizeZ": 2,
        },
    )
    return tmp_path / "film.ome.tif"


def test_people_read_lines(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("inspect", str(film))
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    size = film.stat().st_size / 1024
    assert lines == [
        f"Found in {film}:",
        f"film: TIFF, 5 x 4 x 3 voxels, uint16, 2 channels, t 2, 1 file of {size:.1f} KiB",
        "voxel size: 0.5 x 0.5 x 2 µm (from the OME-XML)",
        "channels: DAPI, GFP",
        "becomes: DAPI (color), GFP (color)",
    ]


def test_scripts_read_json(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("inspect", str(film), "--json")
    found = json.loads(capsys.readouterr().out)
    (image,) = found["images"]
    assert image["shape"] == [5, 4, 3]
    assert image["additionalAxes"] == {"t": 2}
    assert image["channels"] == ["DAPI", "GFP"]
    assert image["voxelSize"] == {"factor": [0.5, 0.5, 2], "unit": "micrometer"}
    assert [layer["name"] for layer in found["layers"]] == ["DAPI", "GFP"]


def test_problems_and_notes_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack(tmp_path / "cells")
    (tmp_path / "cells" / "readme.doc").write_bytes(b"\x01\x02")
    for z in (7, 8):
        tifffile.imwrite(tmp_path / "cells" / f"00{z}.tif", np.zeros((4, 5), np.uint8))
    call_command("inspect", str(tmp_path / "cells"))
    said = capsys.readouterr().out
    assert (
        "Problem in 'cells': Most slices are 50 x 40, uint8, but 007.tif, 008.tif are 5 x 4" in said
    )
    assert "possible: --differing pad, --differing crop, --differing split" in said
    assert "Note: Left out, since no reader knows them: readme.doc." in said


def test_an_archive_is_looked_into_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    folder = stack(tmp_path / "in" / "cells")
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"cells/{file.name}")
    call_command("inspect", str(tmp_path / "mine.zip"))
    said = capsys.readouterr().out
    assert f"Found in {tmp_path / 'mine.zip'}:" in said
    # As the unpacked folder would be called.
    assert "cells: picture, 50 x 40 x 3 voxels" in said
    assert list(temporary.iterdir()) == []


def test_an_unsafe_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.writestr("../outside.png", b"")
    with pytest.raises(CommandError, match=r"holds '\.' or"):
        call_command("inspect", str(tmp_path / "mine.zip"))


def test_raw_voxels_need_their_size_and_type(tmp_path: Path) -> None:
    file = tmp_path / "a.raw"
    file.write_bytes(bytes(24))
    with pytest.raises(CommandError, match="A raw file does not say what its voxels are"):
        call_command("inspect", str(file))
    with pytest.raises(CommandError, match="Give both --raw-size and --raw-type"):
        call_command("inspect", str(file), "--raw-size", "2,3,4")
    call_command("inspect", str(file), "--raw-size", "2,3,4", "--raw-type", "uint8")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_names_can_not_pretend_to_be_other_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    file = tmp_path / "cells\u202egnp\x1b[2J.tif"
    tifffile.imwrite(file, np.zeros((4, 5), np.uint8))
    call_command("inspect", str(file), *options)
    said = capsys.readouterr().out
    assert "\u202e" not in said and "\x1b" not in said
    assert r"cells\u202egnp\u001b[2J" in said
    if options:
        (image,) = json.loads(said)["images"]
        assert image["name"] == "cells\u202egnp\x1b[2J"


def test_a_broken_files_name_can_not_pretend_either(tmp_path: Path) -> None:
    (tmp_path / "a\u202egnp.tif").write_bytes(b"II*\0broken")
    with pytest.raises(CommandError, match=r"^a\\u202egnp\.tif: "):
        call_command("inspect", str(tmp_path / "a\u202egnp.tif"))
