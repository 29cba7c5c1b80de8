"""What columns leave for others: encoded chunks of files that they share, and voxels of mags that
are too coarse for a single column.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np

from conversion.pipeline.chunk_file import MISSING, ChunkFile
from conversion.pipeline.mag_writer import Slab
from conversion.pipeline.raw_volume import RawVolume
from conversion.pipeline.sources import Source
from datasets.properties import BoundingBox, Vec3Int

_CHECKSUM_BYTES = 4


def join(fragments: Sequence[Path], file: ChunkFile, tell: Callable[[], None]) -> None:
    """Write a file from the fragments of it that several columns left, and publish it.

    Encoded chunks are copied as they are; `tell` is called now and then. Raises FileNotFoundError
    where another process was faster, OSError where the storage did not keep what was written.
    """
    with file:
        for fragment in fragments:
            tell()
            for chunk, data in _chunks(fragment, file.grid):
                file.append({chunk: data})


def _chunks(fragment: Path, grid: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], bytes]]:
    """The encoded chunks of a fragment, a Zarr shard of `grid` chunks with its index at the end."""
    with fragment.open("rb") as shard:
        index_bytes = 16 * int(np.prod(grid)) + _CHECKSUM_BYTES
        shard.seek(-index_bytes, os.SEEK_END)
        encoded = shard.read()
        index, checksum = encoded[:-_CHECKSUM_BYTES], encoded[-_CHECKSUM_BYTES:]
        if google_crc32c.value(index) != int.from_bytes(checksum, "little"):
            raise OSError(f"The storage changed {fragment}: its checksum is wrong.")
        entries = np.frombuffer(index, "<u8").reshape(-1, 2)
        stored = np.flatnonzero(entries[:, 0] != MISSING)
        for number in stored[np.argsort(entries[stored, 0])].tolist():
            offset, length = entries[number].tolist()
            shard.seek(offset)
            yield tuple(int(i) for i in np.unravel_index(number, grid)), shard.read(length)


class RestSource(Source):
    """The voxels that all columns left of one mag, each in a file of its own."""

    reads_bands = True

    def __init__(
        self,
        rests: Mapping[Path, BoundingBox],
        *,
        shape: Vec3Int,
        dtype: np.dtype[Any],
        num_channels: int,
    ) -> None:
        """`rests` says which box of the mag each file holds; the others are zero."""
        self.shape = shape
        self.dtype = dtype
        self.num_channels = num_channels
        self.files = tuple(rests)
        self._rests = rests

    def read(self, index: Mapping[str, int], z: range, y: range, out: Slab) -> None:
        """`index` is not asked: the files are of one index only."""
        wanted = BoundingBox.between((0, y.start, z.start), (self.shape[0], y.stop, z.stop))
        out[...] = 0
        for path, box in self._rests.items():
            part = box.intersection(wanted)
            if part.is_empty:
                continue
            (_, top, front), (_, bottom, back) = part.top_left, part.bottom_right
            room = out[:, front - z.start : back - z.start, top - y.start : bottom - y.start]
            with path.open("rb") as file:
                volume = RawVolume(file.fileno(), box, self.dtype, self.num_channels)
                volume.read(range(front, back), range(top, bottom), room)
