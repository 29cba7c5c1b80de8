"""How a block of tissue looks in an electron microscope: membranes and organelles, dark on grey."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conversion.samples.noise import Image, SmoothNoise
from conversion.samples.tissue import Kind, Process, Synapse, Tissue, TissueSlice

_CYTOPLASM = {
    Kind.GLIA: 188, Kind.AXON: 166, Kind.BOUTON: 158, Kind.DENDRITE: 178,
    Kind.MYELINATED: 172, Kind.SOMA: 168,
}  # fmt: skip
_MYELIN = 8.0  # pixels
_NUCLEUS = 0.6  # of the radius of the cell body
_VESICLE = np.array(
    [
        [0, -22, -34, -22, 0],
        [-22, -30, 10, -30, -22],
        [-34, 10, 40, 10, -34],
        [-22, -30, 10, -30, -22],
        [0, -22, -34, -22, 0],
    ],
    np.float32,
)


@dataclass(frozen=True)
class _Mitochondrion:
    """A sausage along its host, cut across by the slices: an ellipse (pixels) in each."""

    host: Process
    z: float
    half_length: float  # slices
    offset: tuple[float, float]
    axes: tuple[float, float]
    angle: float


@dataclass(frozen=True)
class _Mottle:
    """The random fields of one slice: grains of cytoplasm, slant of membranes, folds inside."""

    coarse: Image
    fine: Image
    slant: Image
    folds: Image


class ElectronMicroscope:
    """Images of a tissue; the same seed always gives the same ones."""

    def __init__(self, tissue: Tissue, seed: int) -> None:
        rng = np.random.default_rng([seed, 1])
        shape = tissue.shape
        self._tissue = tissue
        self._seed = seed
        self._kinds = np.array(tissue.kinds)
        tint = rng.normal(0, 7, len(tissue.kinds))
        self._tint = (np.array([_CYTOPLASM[k] for k in tissue.kinds]) + tint).astype(np.float32)
        wavelengths = ((13, 5), (5, 2), (60, 20), (30, 12))
        self._noises = [SmoothNoise(rng, shape, xy, z) for xy, z in wavelengths]
        self._mitochondria = [m for p in tissue.processes for m in _mitochondria(rng, p, tissue)]
        self._vesicles = _vesicles(rng, tissue)

    def image(self, z: int, tissue: TissueSlice) -> NDArray[np.uint8]:
        """The slice `z` as the microscope shows it, (y, x)."""
        rng = np.random.default_rng([self._seed, 2, z])
        kind = self._kinds[tissue.cell]
        grey = self._tint[tissue.cell]
        mottle = _Mottle(*(noise.slice(z) for noise in self._noises))
        grey += 7 * mottle.coarse + 8 * mottle.fine
        _add_reticulum(grey, kind, tissue, mottle)
        self._add_nucleus(grey, z, tissue, mottle)
        for mitochondrion in self._mitochondria:
            self._add_mitochondrion(grey, z, mitochondrion, tissue)
        self._add_vesicles(grey, z, kind, tissue)
        _add_membranes(grey, kind, tissue, mottle)
        for synapse in self._tissue.synapses:
            if abs(synapse.z - z) <= 4:
                _add_density(grey, synapse, tissue)
        grey = _blurred(grey)
        grey += rng.normal(0, 1.5) + 6.5 * rng.standard_normal(grey.shape, np.float32)
        image: NDArray[np.uint8] = np.clip(grey, 0, 255).astype(np.uint8)
        return image

    def _add_nucleus(self, grey: Image, z: int, tissue: TissueSlice, mottle: _Mottle) -> None:
        soma = self._tissue.soma
        radius = soma.radius[z] * _NUCLEUS
        window = _window(soma.x[z], soma.y[z], int(radius) + 25, grey.shape)
        dx, dy = tissue.x[window] - soma.x[z], tissue.y[window] - soma.y[z]
        depth = radius - np.sqrt(dx**2 + dy**2)
        is_soma = tissue.cell[window] == soma.cell
        is_nucleus = (depth > 0) & is_soma
        chromatin = mottle.folds[window] + 0.7 * mottle.coarse[window]
        inside = 172 - 18 * np.clip(chromatin, -0.5, 2) + 6 * mottle.fine[window]
        inside -= 26 * np.exp(-((depth / 9) ** 2))
        grey[window][is_nucleus] = inside[is_nucleus]
        envelope = np.exp(-((depth / 1.6) ** 2)) + np.exp(-(((depth + 4.5) / 1.6) ** 2))
        grey[window] -= 75 * envelope * is_soma

    def _add_mitochondrion(
        self, grey: Image, z: int, one: _Mitochondrion, tissue: TissueSlice
    ) -> None:
        along = (z - one.z) / one.half_length
        if abs(along) >= 1:
            return
        taper = (1 - along**4) ** 0.5
        cx, cy = one.host.x[z] + one.offset[0], one.host.y[z] + one.offset[1]
        reach = int(max(one.axes)) + 16
        window = _window(cx, cy, reach, grey.shape)
        dx, dy = tissue.x[window] - cx, tissue.y[window] - cy
        cos, sin = np.cos(one.angle), np.sin(one.angle)
        u, v = cos * dx + sin * dy, cos * dy - sin * dx
        semi = one.axes[0] * taper, one.axes[1] * taper
        depth = (1 - np.hypot(u / semi[0], v / semi[1])) * min(semi)
        inside = (depth > 0) & (tissue.cell[window] == one.host.cell)
        inside &= tissue.border[window] > 3
        wave = np.sin((u + 2.2 * np.sin(v / 5 + z / 9)) * (2 * np.pi / 5.5))
        matrix = 112 - 22 * np.clip(wave, -0.2, 1) * (depth > 2.5)
        matrix -= 48 * np.exp(-((depth / 1.7) ** 2))
        grey[window][inside] = (matrix + 0.4 * (grey[window] - 165))[inside]

    def _add_vesicles(
        self, grey: Image, z: int, kind: NDArray[np.int64], tissue: TissueSlice
    ) -> None:
        x, y = self._vesicles[z]
        is_free = (tissue.border[y, x] > 3.5) & np.isin(kind[y, x], (Kind.AXON, Kind.BOUTON))
        x, y = x[is_free], y[is_free]
        for row, values in enumerate(_VESICLE):
            for column, value in enumerate(values):
                grey[y + row - 2, x + column - 2] += value


def _mitochondria(
    rng: np.random.Generator, process: Process, tissue: Tissue
) -> list[_Mitochondrion]:
    kind = tissue.kinds[process.cell]
    depth = tissue.shape[0]
    thickness = float(process.radius.max())
    if thickness < 20 or kind is Kind.GLIA:
        return []
    found = []
    for _ in range({Kind.SOMA: 26, Kind.DENDRITE: 3}.get(kind, 1)):
        z = rng.uniform(0, depth)
        if kind is Kind.BOUTON:
            z = float(process.radius.argmax()) + rng.normal(0, 3)
        angle = rng.uniform(0, 2 * np.pi)
        away = rng.uniform(0, 0.35) * thickness
        if kind is Kind.SOMA:
            away = rng.uniform(0.68, 0.9) * thickness
        size = min(rng.uniform(9, 15), thickness * 0.42)
        found.append(
            _Mitochondrion(
                host=process,
                z=z,
                half_length=rng.uniform(7, 26),
                offset=(away * np.cos(angle), away * np.sin(angle)),
                axes=(size * rng.uniform(1, 1.9), size),
                angle=rng.uniform(0, np.pi),
            )
        )
    return found


def _vesicles(
    rng: np.random.Generator, tissue: Tissue
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Where vesicles are (x, y), by slice: crowded in boutons and opposite of spines."""
    crowds = [(s.x, s.y, float(s.z), 13.0, 300) for s in tissue.synapses]
    for process in tissue.processes:
        if tissue.kinds[process.cell] is Kind.BOUTON:
            z = int(process.radius.argmax())
            crowds.append((float(process.x[z]), float(process.y[z]), z, 15.0, 420))
    points = [
        rng.normal((x, y, z), (size, size, size / tissue.thickness), (count, 3))
        for x, y, z, size, count in crowds
    ]
    x, y, z = np.concatenate(points).round().astype(np.intp).T
    _, height, width = tissue.shape
    is_inside = (x > 2) & (x < width - 3) & (y > 2) & (y < height - 3)
    return [
        (x[is_inside & (z == number)], y[is_inside & (z == number)])
        for number in range(tissue.shape[0])
    ]


def _add_membranes(
    grey: Image, kind: NDArray[np.int64], tissue: TissueSlice, mottle: _Mottle
) -> None:
    # A membrane that is cut at a slant is broad and pale.
    slant = np.clip(mottle.slant, -1, 2)
    width = 1.75 + 0.45 * slant
    darkness = np.exp(-((tissue.border / width) ** 2))
    grey += (62 + 8 * slant - grey) * darkness
    is_myelin = (kind == Kind.MYELINATED) & (tissue.border < _MYELIN)
    layers = 52 + 16 * np.sin(tissue.border[is_myelin] * (2 * np.pi / 2.7))
    grey[is_myelin] = layers


def _add_reticulum(
    grey: Image, kind: NDArray[np.int64], tissue: TissueSlice, mottle: _Mottle
) -> None:
    is_inside = ((kind == Kind.DENDRITE) | (kind == Kind.SOMA)) & (tissue.border > 7)
    lines = np.exp(-((mottle.folds / 0.07) ** 2)) + np.exp(-(((mottle.folds - 0.9) / 0.09) ** 2))
    grey -= 52 * lines * is_inside * np.clip(mottle.slant + 0.9, 0, 1)


def _add_density(grey: Image, synapse: Synapse, tissue: TissueSlice) -> None:
    """The dark, thick membrane on the spine's side of a synapse."""
    window = _window(synapse.x, synapse.y, 24, grey.shape)
    away = np.hypot(tissue.x[window] - synapse.x, tissue.y[window] - synapse.y)
    border = tissue.border[window]
    width = np.where(tissue.cell[window] == synapse.cell, 4.0, 1.5)
    grey[window] += (42 - grey[window]) * np.exp(-((border / width) ** 2)) * (away < 15)


def _window(x: float, y: float, reach: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The square of pixels (y, x) around a point, cut off at the edges of the image."""
    row, column = round(float(y)), round(float(x))
    return (
        slice(min(max(row - reach, 0), shape[0]), max(row + reach, 0)),
        slice(min(max(column - reach, 0), shape[1]), max(column + reach, 0)),
    )


def _blurred(image: Image) -> Image:
    """The image through a lens: 1-2-1 along both axes."""
    rows = np.pad(image, ((1, 1), (0, 0)), mode="edge")
    blurred = (rows[:-2] + rows[2:]) * np.float32(0.25) + rows[1:-1] * np.float32(0.5)
    columns = np.pad(blurred, ((0, 0), (1, 1)), mode="edge")
    ends = columns[:, :-2] + columns[:, 2:]
    result: Image = ends * np.float32(0.25) + columns[:, 1:-1] * np.float32(0.5)
    return result
