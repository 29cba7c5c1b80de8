"""A source whose first voxel does not lie at 0, 0, 0 of the array that it is written to."""

from collections.abc import Mapping

from conversion.pipeline.geometry import add
from conversion.pipeline.mag_writer import Slab
from conversion.pipeline.sources import Source
from datasets.properties import BoundingBox, Vec3Int


class OffsetSource(Source):
    """Zeros up to `offset` (x, y, z in voxels), then the voxels of `source`."""

    def __init__(self, source: Source, offset: Vec3Int) -> None:
        self.shape = add(offset, source.shape)
        self.dtype = source.dtype
        self.num_channels = source.num_channels
        self.files = source.files
        self.origin = source.origin
        self.reads_bands = source.reads_bands
        self._source = source
        self._box = BoundingBox.of(offset, source.shape)

    @classmethod
    def moved(cls, source: Source, offset: Vec3Int) -> Source:
        """`source` itself, where there is nothing to be moved."""
        return cls(source, offset) if any(offset) else source

    def read(self, index: Mapping[str, int], z: range, y: range, out: Slab) -> None:
        wanted = BoundingBox.between((0, y.start, z.start), (self.shape[0], y.stop, z.stop))
        part = wanted.intersection(self._box)
        out[...] = 0
        if part.is_empty:
            return
        (left, top, front), (_, bottom, back) = part.top_left, part.bottom_right
        _, first_row, first_slice = self._box.top_left
        self._source.read(
            index,
            range(front - first_slice, back - first_slice),
            range(top - first_row, bottom - first_row),
            out[:, front - z.start : back - z.start, top - y.start : bottom - y.start, left:],
        )

    def close(self) -> None:
        self._source.close()
