"""Made-up cultured cells under a confocal fluorescence microscope, one channel a stain."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.samples.noise import SmoothNoise, smooth_curve

Volume = NDArray[np.float32]
"""Light from each voxel, (z, y, x)."""

CAMERA_OFFSET = 100  # counts in the dark
READ_NOISE = 4.0  # counts


@dataclass(frozen=True)
class Cell:
    """Positions and radii in voxels; `flat` is how much thinner it is than wide, in voxels."""

    x: float
    y: float
    z: float
    radius: float
    flat: float
    brightness: float


class Culture:
    """Cells that lie on the bottom of a dish, in a volume of `shape` (z, y, x) voxels."""

    def __init__(self, seed: int, shape: tuple[int, int, int]) -> None:
        self._seed = seed
        self._shape = shape
        rng = np.random.default_rng(seed)
        depth, height, width = shape
        self.cells: list[Cell] = []
        for _ in range(400):
            x, y = rng.uniform(5, width - 5), rng.uniform(5, height - 5)
            if all(np.hypot(x - c.x, y - c.y) > 52 for c in self.cells):
                cell = Cell(
                    x=x,
                    y=y,
                    z=0.4 * depth + rng.normal(0, 3),
                    radius=rng.uniform(20, 28),
                    flat=rng.uniform(0.32, 0.42),
                    brightness=rng.uniform(0.6, 1.3),
                )
                self.cells.append(cell)

    def nuclei(self) -> NDArray[np.uint16]:
        """DNA: mottled nuclei with dark nucleoli."""
        rng = np.random.default_rng([self._seed, 1])
        bend, grain, holes = (
            _field(rng, self._shape, *wavelengths) for wavelengths in ((26, 12), (5, 3), (13, 6))
        )
        light = np.zeros(self._shape, np.float32)
        for cell in self.cells:
            box = _box(cell, 1.5 * cell.radius, self._shape)
            z, y, x = np.ogrid[box]
            stretch = 1 + 0.25 * np.sin(cell.x)
            distance = np.sqrt(
                ((x - cell.x) / stretch) ** 2
                + ((y - cell.y) * stretch) ** 2
                + ((z - cell.z) / cell.flat) ** 2
            )
            inside = np.clip((cell.radius - distance + 2.2 * bend[box]) / 2, 0, 1)
            light[box] += cell.brightness * inside
        light *= (1 + 0.22 * grain) * (1 - 0.75 * np.clip((holes - 1.1) * 3, 0, 1))
        return _photographed(rng, _blurred(light), brightest=5200)

    def tubules(self) -> NDArray[np.uint16]:
        """Microtubules: fine curved fibres from beside each nucleus out to the cell's edge."""
        rng = np.random.default_rng([self._seed, 2])
        light = np.zeros(self._shape, np.float32)
        for cell in self.cells:
            side = rng.uniform(0, 2 * np.pi)
            reach = 0.8 * cell.radius
            start = cell.x + reach * np.cos(side), cell.y + reach * np.sin(side)
            fibres = np.concatenate([_fibre(rng, cell, start) for _ in range(150)], axis=1)
            _add_points(light, fibres, np.full(fibres.shape[1], 0.5 * cell.brightness))
        return _photographed(rng, _blurred(light), brightest=2600)

    def puncta(self) -> NDArray[np.uint16]:
        """Vesicles: bright spots around the nuclei, over a haze."""
        rng = np.random.default_rng([self._seed, 3])
        light = np.zeros(self._shape, np.float32)
        for cell in self.cells:
            count = int(rng.integers(90, 240))
            away = cell.radius * (1.05 + rng.gamma(1.6, 0.25, count))
            angle = rng.uniform(0, 2 * np.pi, count)
            x, y = cell.x + away * np.cos(angle), cell.y + away * np.sin(angle)
            z = cell.z + rng.normal(0, cell.radius * cell.flat * 0.5, count)
            _add_points(light, np.stack([z, y, x]), rng.lognormal(0, 0.7, count))
        haze = 0.002 * np.clip(_field(rng, self._shape, 60, 30) + 1, 0, None)
        return _photographed(rng, _blurred(light) + haze, brightest=7000)


def _box(cell: Cell, reach: float, shape: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    """The voxels (z, y, x) within `reach` of a cell's middle, cut off at the edges."""
    z, y, x = (
        slice(max(int(at - reach), 0), min(int(at + reach), length))
        for at, length in zip((cell.z, cell.y, cell.x), shape, strict=True)
    )
    return z, y, x


def _fibre(rng: np.random.Generator, cell: Cell, start: tuple[float, float]) -> NDArray[np.float64]:
    """Points half a voxel apart along a fibre, (z y x, point)."""
    length = int(cell.radius * rng.uniform(1.2, 3.2) * 2)
    angle = rng.uniform(0, 2 * np.pi) + np.cumsum(0.028 * smooth_curve(rng, length, 40))
    x = start[0] + np.cumsum(0.5 * np.cos(angle))
    y = start[1] + np.cumsum(0.5 * np.sin(angle))
    z = cell.z + 2.2 * smooth_curve(rng, length, 90) - np.linspace(0, 5, length)
    # Fibres pass above or below the nucleus, not through it.
    over = cell.radius**2 - (x - cell.x) ** 2 - (y - cell.y) ** 2
    z += np.sign(rng.normal()) * cell.flat * np.sqrt(np.clip(over, 0, None))
    return np.stack([z, y, x])


def _add_points(light: Volume, points: NDArray[np.float64], brightness: NDArray[Any]) -> None:
    """Add points of light (z y x, point), each shared by the eight voxels around it."""
    floor = np.floor(points)
    past = points - floor
    shape = np.array(light.shape)[:, None]
    for corner in np.ndindex(2, 2, 2):
        side = np.array(corner)[:, None]
        at = floor.astype(np.intp) + side
        is_inside = ((at >= 0) & (at < shape)).all(0)
        share = np.where(side == 1, past, 1 - past).prod(0) * brightness
        np.add.at(light, tuple(at[:, is_inside]), share[is_inside].astype(np.float32))


def _field(
    rng: np.random.Generator, shape: tuple[int, int, int], wavelength: float, wavelength_z: float
) -> Volume:
    noise = SmoothNoise(rng, shape, wavelength, wavelength_z)
    return np.stack([noise.slice(z) for z in range(shape[0])])


def _blurred(light: Volume) -> Volume:
    """The light through the microscope, whose focus is longer along z than it is wide."""
    for axis, sigma in enumerate((1.5, 1.0, 1.0)):
        light = _blurred_along(light, axis, sigma)
    return light


def _blurred_along(light: Volume, axis: int, sigma: float) -> Volume:
    reach = int(3 * sigma)
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    width = [(reach, reach) if axis == number else (0, 0) for number in range(3)]
    padded = np.pad(light, width, mode="edge")
    length = light.shape[axis]
    blurred = np.zeros_like(light)
    for start, weight in enumerate(weights):
        part = padded[(slice(None),) * axis + (slice(start, start + length),)]
        blurred += part * np.float32(weight)
    return blurred


def _photographed(rng: np.random.Generator, light: Volume, brightest: float) -> NDArray[np.uint16]:
    """What a camera counts: the light's own noise, the camera's, and its offset."""
    stained = light[light > light.max() / 50]
    photons = light * np.float32(brightest / np.quantile(stained, 0.99)) + 25
    noise = np.sqrt(photons + READ_NOISE**2) * rng.standard_normal(light.shape, np.float32)
    counts: NDArray[np.uint16] = np.clip(photons + noise + CAMERA_OFFSET, 0, 65535).astype(
        np.uint16
    )
    return counts
