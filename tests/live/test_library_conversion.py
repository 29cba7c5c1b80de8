"""A converted dataset opens in the public library, and is what its own `convert` makes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.live.site import ROOT

CLIENT = ROOT / ".venv-client" / "bin" / "python"
COMPARE = Path(__file__).with_name("library_compares.py")

pytestmark = [
    pytest.mark.live,
    pytest.mark.peer,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not CLIENT.exists(), reason="no .venv-client: `make test` makes it"),
]


def run(*command: object) -> str:
    """What the command said; fails the test where it fails."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": "/tmp", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def png_stack(folder: Path, slices: NDArray[Any]) -> Path:
    folder.mkdir()
    for z, voxels in enumerate(slices):
        (folder / f"{z:03}.png").write_bytes(imagecodecs.png_encode(voxels))
    return folder


def image(dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Noise: that no voxel is like its neighbour shows every fault of rounding."""
    return np.random.default_rng(5).integers(1, np.iinfo(dtype).max, shape, dtype)


def cells(shape: tuple[int, int, int]) -> NDArray[np.uint16]:
    """Areas of one id each, with borders that lie across all blocks."""
    z, y, x = np.indices(shape)
    found: NDArray[np.uint16] = ((x + z) // 7 * 31 + (y - z) // 5 + 100).astype(np.uint16)
    return found


CASES: dict[str, tuple[NDArray[Any], tuple[str, ...], dict[str, Any]]] = {
    "thick slices": (
        image("uint8", (34, 130, 141)),
        ("--voxel-size", "4,4,40", "--category", "color"),
        {"category": "color", "largestSegmentId": None, "mags": ["1", "2-2-1", "4-4-1"]},
    ),
    "16 bits, nearly cubes, as WKW": (
        image("uint16", (37, 90, 101)),
        ("--voxel-size", "11.24,11.24,25", "--category", "color", "--data-format", "wkw"),
        {"category": "color", "largestSegmentId": None, "mags": ["1", "2-2-1", "4-4-2"]},
    ),
    "segmentation": (
        cells((35, 80, 90)),
        ("--voxel-size", "1,1,1", "--unit", "micrometer", "--category", "segmentation"),
        {
            "category": "segmentation",
            "largestSegmentId": int(cells((35, 80, 90)).max()),
            "mags": ["1", "2", "4"],
        },
    ),
    "colours in a single slice": (
        image("uint8", (1, 120, 131, 3)),
        ("--voxel-size", "4,4,4", "--category", "color"),
        {"category": "color", "largestSegmentId": None, "mags": ["1", "2-2-1", "4-4-1"]},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_all_mags_equal_those_of_the_public_librarys_own_convert(tmp_path: Path, case: str) -> None:
    voxels, options, expected = CASES[case]
    source = png_stack(tmp_path / "source", voxels)
    options = ("--layer-name", "layer", *options)
    run(sys.executable, "manage.py", "convert", source, tmp_path / "ours", *options)
    # Its usual shards and processes take a gigabyte and minutes; voxels do not depend on them.
    frugal = ("--distribution-strategy", "sequential", "--shard-shape", "64")
    run(CLIENT.with_name("webknossos"), "convert", source, tmp_path / "theirs", *options, *frugal)
    told = run(CLIENT, COMPARE, tmp_path / "ours", tmp_path / "theirs")
    assert json.loads(told.splitlines()[-1]) == {"layer": expected}
