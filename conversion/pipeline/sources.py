"""Where the voxels of a layer come from while it is written: a layer's worth of boxes, any shape.

`ImageSource` reads what `conversion.readers` found; others read datasets that are there already.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from conversion.pipeline.mag_writer import Slab
from datasets.properties import Vec3Int


class Source(ABC):
    """The voxels of one layer in its finest mag. Reading is thread-safe."""

    shape: Vec3Int
    """x, y, z in voxels."""
    dtype: np.dtype[Any]
    num_channels: int
    files: tuple[Path, ...]
    """All that it is made of, to notice that they changed since a conversion began."""
    origin: str = ""
    """What tells it apart from other sources of the same files and shape: a channel, say."""
    reads_bands: bool = False
    """Whether reading a few rows costs about their share of a whole slice."""

    @abstractmethod
    def read(self, index: Mapping[str, int], z: range, y: range, out: Slab) -> None:
        """Fill `out`, C-order (channel, z, y, x) and as wide as the layer, with the rows `y` of
        the slices `z` at `index` on the additional axes.

        Raises UnreadableImage for broken files, OSError where the storage fails.
        """

    def close(self) -> None:  # noqa: B027 (most sources hold nothing open)
        """Close what reading has opened."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
