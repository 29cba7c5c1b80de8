"""Runs manage.py as somebody in a terminal does, with nothing of a site around it."""

import os
import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np

ROOT = Path(__file__).resolve().parents[3]


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """The command as a process, without the settings of the tests."""
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.Popen(
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=ROOT,
        env=kept | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    process = start(*arguments, **environment)
    output, errors = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def stack(folder: Path, *, slices: int = 3, shape: tuple[int, int] = (40, 50)) -> Path:
    """A folder of PNGs whose voxels are the number of their slice, from 1."""
    folder.mkdir(parents=True)
    for z in range(slices):
        encoded = imagecodecs.png_encode(np.full(shape, z + 1, np.uint8))
        (folder / f"{z:03}.png").write_bytes(encoded)
    return folder
