"""The commands as a person runs them: processes of their own, without a site."""

import subprocess
import sys
from pathlib import Path

import tifffile

from tests.conversion.tools import datasets_made as made

ROOT = Path(__file__).parents[3]


def manage(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "manage.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "DATABASE_URL": "postgres://nowhere.invalid/none"},
    )


def test_downsample_compare_and_export(tmp_path: Path) -> None:
    directory = made.make(tmp_path / "ds")
    other = made.make(tmp_path / "other", mags=None)

    before = manage("check-equality", directory, other)
    assert (before.returncode, "the mags differ" in before.stdout) == (1, True)
    added = manage("downsample", directory, "--jobs", 1)
    assert added.returncode == 0, added.stderr
    assert added.stdout == "Layer 'color' has mag 2-2-1, 4-4-2 now.\n"
    assert manage("downsample", directory).stdout == "No mag is missing.\n"
    after = manage("check-equality", directory, other, "--layer-name", "color")
    assert (after.returncode, after.stderr.count("Traceback")) == (0, 0), after.stdout
    assert manage("compress", directory).stdout == "All of it is compressed already.\n"

    target = tmp_path / "out.tif"
    written = manage("export-tiff", directory, target, "--bbox", "0,0,0,64,64,8", "--mag", "2-2-1")
    assert written.returncode == 0, written.stderr
    assert tifffile.imread(target).shape == (8, 32, 32)


def test_what_can_not_be_done_is_a_sentence(tmp_path: Path) -> None:
    directory = made.make(tmp_path / "ds")
    missing = tmp_path / "nothing"

    cases = [
        (1, "is no dataset", ("downsample", missing)),
        (2, "is no dataset", ("check-equality", directory, missing)),
        (1, "no layer 'x'", ("compress", directory, "--layer-name", "x")),
        (2, "is no mag", ("downsample", directory, "--coarsest-mag", "3-3")),
        (2, "must end in .tif", ("export-tiff", directory, tmp_path / "a.png")),
        (
            1,
            "holds nothing",
            ("export-tiff", directory, tmp_path / "a.tif", "--bbox", "999,0,0,1,1,1"),
        ),
        (2, "six whole numbers", ("export-tiff", directory, tmp_path / "a.tif", "--bbox", "1")),
    ]
    for code, words, arguments in cases:
        ended = manage(*arguments)
        assert (ended.returncode, words in ended.stderr) == (code, True), (arguments, ended)
        assert "Traceback" not in ended.stderr
