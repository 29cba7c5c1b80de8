"""Smooth random fields, slice by slice: cubic B-splines over random knots."""

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
"""One slice, (y, x)."""


class SmoothNoise:
    """A random field over (z, y, x) with mean 0, standard deviation about 1 and features of
    about `wavelength` voxels; `wavelength_z` counts slices.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int, int],
        wavelength: float,
        wavelength_z: float,
    ) -> None:
        wavelengths = (wavelength_z, wavelength, wavelength)
        self._splines = [_Spline(n, w) for n, w in zip(shape, wavelengths, strict=True)]
        knots = [spline.knots for spline in self._splines]
        self._knots = rng.standard_normal(knots, np.float32)

    def slice(self, z: int) -> Image:
        along_z, along_y, along_x = self._splines
        rows = along_x.interpolate(along_z.interpolate(self._knots, [z])[0].T).T
        return along_y.interpolate(np.ascontiguousarray(rows))


def smooth_curve(rng: np.random.Generator, length: int, wavelength: float) -> NDArray[np.float32]:
    """A random curve with mean 0 and standard deviation about 1."""
    spline = _Spline(length, wavelength)
    return spline.interpolate(rng.standard_normal(spline.knots, np.float32))


class _Spline:
    """Weights of the four knots near each position, scaled to keep the variance of the knots.

    Not written as a product of matrices: threads of a linear algebra library, under the threads
    that make slices, would fight for the processors.
    """

    def __init__(self, length: int, wavelength: float) -> None:
        position = np.arange(length) / (wavelength / 2)
        self._first = position.astype(np.intp)
        self.knots = int(self._first[-1]) + 4
        past = position - self._first
        weights = np.stack([(1 - past) ** 3, _hump(past), _hump(1 - past), past**3])
        self._weights = (weights / np.sqrt((weights**2).sum(0))).astype(np.float32)

    def interpolate(
        self, knots: NDArray[np.float32], positions: list[int] | slice = slice(None)
    ) -> NDArray[np.float32]:
        """The values at `positions` on the first axis, from knots on that axis."""
        first, weights = self._first[positions], self._weights[:, positions]
        trailing = (1,) * (knots.ndim - 1)
        values = np.zeros((len(first), *knots.shape[1:]), np.float32)
        for offset, weight in enumerate(weights):
            values += knots[first + offset] * weight.reshape(-1, *trailing)
        return values


def _hump(past: NDArray[np.float64]) -> NDArray[np.float64]:
    return 4 - 6 * past**2 + 3 * past**3
