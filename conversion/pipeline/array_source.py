"""The voxels of a layer of a dataset that is there already, in any format that the site reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from conversion.pipeline.mag_writer import Slab
from conversion.pipeline.sources import Source
from conversion.readers import UnreadableImage
from datasets.properties import BoundingBox
from datasets.voxels.array import MAX_BOX_BYTES, VoxelArray
from datasets.voxels.box import Box
from datasets.voxels.errors import VoxelsError


class ArraySource(Source):
    """A box of the stored array of one mag; additional axes begin at `first`, by name."""

    reads_bands = True  # chunks are far smaller than slices

    def __init__(
        self,
        array: VoxelArray,
        directory: Path,
        box: BoundingBox,
        *,
        files: tuple[Path, ...],
        channels: range,
        dtype: np.dtype[Any],
        first: Mapping[str, int] | None = None,
    ) -> None:
        """`box` is in the voxels of `array`, which lies in `directory`; `files` describe it.

        Voxels become `dtype`, which has to hold all of their values.
        """
        self.shape = box.size
        self.dtype = dtype
        self.num_channels = len(channels)
        self.files = files
        self.origin = f"{directory.name} from {box.top_left}, {channels}"
        self._channels = channels
        self._array = array
        self._directory = directory
        self._box = box
        self._first = first or {}

    def read(self, index: Mapping[str, int], z: range, y: range, out: Slab) -> None:
        additional = {name: place + self._first.get(name, 0) for name, place in index.items()}
        left, top, front = self._box.top_left
        slice_bytes = max(out[:, 0].nbytes, 1)
        depth = max(MAX_BOX_BYTES // slice_bytes, 1)
        for start in range(0, len(z), depth):
            part = z[start : start + depth]
            box = Box((left, top + y.start, front + part.start), (self.shape[0], len(y), len(part)))
            try:
                voxels = self._array.read(
                    box,
                    channels=self._channels,
                    additional=additional,
                    max_bytes=slice_bytes * depth * self._array.dtype.itemsize,
                )
            except VoxelsError as error:
                raise UnreadableImage(
                    self._directory, str(error), "Copy the dataset again, or mend it."
                ) from error
            filled = out[:, start : start + depth]
            np.copyto(filled, voxels.transpose(0, 3, 2, 1), casting="unsafe")
            if voxels.dtype != self.dtype and (filled != voxels.transpose(0, 3, 2, 1)).any():
                raise UnreadableImage(
                    self._directory,
                    f"It holds numbers that its properties exclude: they say {self.dtype}.",
                    "Correct the element class in the properties.",
                )
