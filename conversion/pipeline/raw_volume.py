"""Voxels as they are, in a file: what one stage of a conversion leaves for the next."""

import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.pipeline.mag_writer import Slab
from conversion.pipeline.sources import Source
from datasets.properties import BoundingBox, Vec3Int


class RawVolume:
    """The voxels of `box` in a file, C-order (z, channel, y, x): rows of a slice lie together.

    What was never written is zero, or beyond the end of the file.
    """

    def __init__(
        self, descriptor: int, box: BoundingBox, dtype: np.dtype[Any], num_channels: int
    ) -> None:
        self.box = box
        self._descriptor = descriptor
        self._dtype = dtype
        self._num_channels = num_channels

    def write(self, slab: Slab, corner: Vec3Int) -> list[Future[None]]:
        """Store a slab, as wide as the box, whose first voxel lies at `corner` (x, y, z).

        Nothing is left to be waited for. Raises OSError where the disk is full.
        """
        for z in range(slab.shape[1]):
            for channel, plane in enumerate(slab):
                _write_all(
                    self._descriptor, plane[z], self._offset(corner[2] + z, channel, corner[1])
                )
        return []

    def read(self, z: range, y: range, out: Slab) -> None:
        """Fill `out` with the rows `y` of the slices `z`, counted as those of the box are."""
        for place, number in enumerate(z):
            for channel, plane in enumerate(out):
                _read_all(self._descriptor, plane[place], self._offset(number, channel, y.start))

    def _offset(self, z: int, channel: int, y: int) -> int:
        _, top, front = self.box.top_left
        width, height, _ = self.box.size
        row = ((z - front) * self._num_channels + channel) * height + y - top
        return row * width * self._dtype.itemsize


class ScratchVolume(Source):
    """A raw volume in a file without a name below `scratch`, so that a killed process leaves
    nothing there. `shape` is that of the array which `box` is a part of.
    """

    reads_bands = True

    def __init__(
        self,
        scratch: Path,
        *,
        shape: Vec3Int,
        box: BoundingBox,
        dtype: np.dtype[Any],
        num_channels: int,
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.num_channels = num_channels
        self.files = ()
        self._file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 (closed by `close`)
        self.volume = RawVolume(self._file.fileno(), box, dtype, num_channels)

    def read(self, index: Mapping[str, int], z: range, y: range, out: Slab) -> None:
        """`index` is not asked: the volume is of one index only."""
        self.volume.read(z, y, out)

    def close(self) -> None:
        self._file.close()


def _write_all(descriptor: int, rows: NDArray[Any], offset: int) -> None:
    view = _bytes_of(np.ascontiguousarray(rows))
    while view:
        count = os.pwrite(descriptor, view, offset)
        view, offset = view[count:], offset + count


def _read_all(descriptor: int, rows: NDArray[Any], offset: int) -> None:
    view = _bytes_of(rows)
    while view:
        count = os.preadv(descriptor, [view], offset)
        if count == 0:
            rows.reshape(-1).view(np.uint8)[-len(view) :] = 0
            return
        view, offset = view[count:], offset + count


def _bytes_of(rows: NDArray[Any]) -> memoryview:
    """The memory of C-order rows."""
    if not rows.flags.c_contiguous:
        raise ValueError("Rows of a raw volume are as wide as its box.")
    return rows.reshape(-1).view(np.uint8).data
