"""A mag on the disk, whatever its format: where its files lie, and how they are written."""

from abc import ABC, abstractmethod
from concurrent.futures import Executor
from pathlib import Path

from conversion.pipeline.chunk_file import ChunkFile
from conversion.pipeline.mag_writer import ArrayLayout, Encode, MagWriter
from conversion.pipeline.shard_writer import ShardWriter
from datasets.properties import BoundingBox, Vec3Int

NO_INDEX: tuple[int, ...] = ()


class MagArray(ABC):
    """An array in `directory`, cut as `layout` says, once for each index of additional axes."""

    directory: Path
    layout: ArrayLayout

    @abstractmethod
    def file(self, position: Vec3Int, index: tuple[int, ...] = NO_INDEX) -> ChunkFile:
        """The file at a position of the grid of files, at `index` on the additional axes."""

    @abstractmethod
    def encoder(self) -> Encode:
        """Encodes chunks, in any number of threads."""

    @abstractmethod
    def write_metadata(self) -> None:
        """Write the file from which on readers see an array."""

    def writer(
        self,
        pool: Executor,
        *,
        index: tuple[int, ...] = NO_INDEX,
        box: BoundingBox | None = None,
        fragments: Path | None = None,
    ) -> MagWriter:
        """Writes what lies in `box` (the whole array, if none is given) at `index`.

        A file of which `box` holds a part only is written as `<x>-<y>-<z>` below `fragments`, a
        Zarr shard whatever the format is, for `fragments.join` to put together with others'.
        """
        box = box or BoundingBox.of((0, 0, 0), self.layout.shape)

        def open_file(position: Vec3Int) -> ChunkFile:
            if fragments is None or is_inside(self.layout.file_box(position), box):
                return self.file(position, index)
            x, y, z = position
            return ShardWriter(fragments / f"{x}-{y}-{z}", self.layout.chunks_per_file)

        return MagWriter(
            self.layout, encode=self.encoder(), open_file=open_file, pool=pool, box=box
        )


def is_inside(inner: BoundingBox, outer: BoundingBox) -> bool:
    return inner.intersection(outer) == inner
