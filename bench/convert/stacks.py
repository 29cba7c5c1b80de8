"""The stacks of TIFF slices that the benchmark converts, made once and kept beside each other."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from conversion.samples.noise import SmoothNoise

Paint = Callable[[int], NDArray[Any]]
"""A slice, (y, x), by its number."""


@dataclass(frozen=True)
class Stack:
    """A folder of slices of `side` x `side` pixels, one TIFF file each."""

    name: str
    kind: str
    slices: int
    side: int
    voxel_size: str
    compression: str | None = None

    @property
    def category(self) -> str:
        return "segmentation" if self.kind == "segmentation" else "color"

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype({"em": "u1", "fluorescence": "u2", "segmentation": "u4"}[self.kind])

    @property
    def voxel_bytes(self) -> int:
        return self.slices * self.side**2 * self.dtype.itemsize


def stacks(slices: int) -> tuple[Stack, ...]:
    """What is converted: of `slices` slices each, half as many of the wider types."""
    half = slices // 2
    return (
        Stack("em", "em", slices, 2048, "4,4,40"),
        Stack("em-lzw", "em", slices, 2048, "4,4,40", "lzw"),
        Stack("fluorescence", "fluorescence", half, 2048, "100,100,300"),
        Stack("segmentation", "segmentation", half, 2048, "8,8,40"),
    )


def made(stack: Stack, folder: Path) -> Path:
    """The folder of the stack's slices, painted if it is not there yet."""
    side = f"{stack.slices}x{stack.side}"
    directory = folder / f"{stack.kind}-{stack.compression or 'raw'}-{side}"
    if directory.is_dir():
        return directory
    part = directory.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    paint = _PAINT[stack.kind](stack.slices, stack.side)

    def write(z: int) -> None:
        tifffile.imwrite(
            part / f"s{z:05d}.tif",
            paint(z),
            photometric="minisblack",
            compression=stack.compression,
            predictor=False,
        )

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(write, range(stack.slices)):
            pass
    part.rename(directory)
    return directory


def _em(slices: int, side: int) -> Paint:
    """Grey tissue, dark membranes, and the grain of a camera: most of its bits are grain."""
    rng = np.random.default_rng(0)
    shape = (slices, side, side)
    mottle = [
        (SmoothNoise(rng, shape, wavelength, wavelength / 8), amplitude)
        for wavelength, amplitude in ((256, 22.0), (64, 8.0), (16, 4.0))
    ]
    cells = SmoothNoise(rng, shape, 90, 16)

    def paint(z: int) -> NDArray[np.uint8]:
        grey = np.full((side, side), 135, np.float32)
        for noise, amplitude in mottle:
            grey += amplitude * noise.slice(z)
        grey -= 90 * np.exp(-((cells.slice(z) / 0.06) ** 2))
        grain = np.random.default_rng(1000 + z)
        grey += 1.7 * grain.standard_normal((side, side), np.float32)
        return np.clip(grey, 0, 255).astype(np.uint8)

    return paint


def _fluorescence(slices: int, side: int) -> Paint:
    """Bright structures over a dark ground, with the noise of counted photons."""
    rng = np.random.default_rng(1)
    structure = SmoothNoise(rng, (slices, side, side), 80, 20)

    def paint(z: int) -> NDArray[np.uint16]:
        light = 120 + 900 * np.clip(structure.slice(z) - 0.8, 0, None)
        photons = np.random.default_rng(2000 + z).standard_normal((side, side), np.float32)
        return np.clip(light + np.sqrt(light) * photons, 0, 65535).astype(np.uint16)

    return paint


def _segmentation(slices: int, side: int) -> Paint:
    """A lattice of cells, bent, with large ids; one of eleven is background."""
    rng = np.random.default_rng(5)
    bends = [SmoothNoise(rng, (slices, side, side), 90, 32) for _ in range(3)]
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)

    def paint(z: int) -> NDArray[np.uint32]:
        across, down, along = (bend.slice(z) for bend in bends)
        x = ((columns + 22 * across) // 72).astype(np.int64) + 50
        y = ((rows + 22 * down) // 72).astype(np.int64) + 50
        deep = ((z + 8 * along) // 30).astype(np.int64) + 50
        ids = (x * 2_654_435_761 ^ y * 320_752_257 ^ deep * 97_561) % 4_000_000 + 1
        ids[(x * 7 + y * 13 + deep * 3) % 11 == 0] = 0
        return ids.astype(np.uint32)

    return paint


_PAINT: dict[str, Callable[[int, int], Paint]] = {
    "em": _em,
    "fluorescence": _fluorescence,
    "segmentation": _segmentation,
}


def slices_of(directory: Path) -> Iterator[Path]:
    """The files of a stack in order."""
    return iter(sorted(directory.iterdir()))
