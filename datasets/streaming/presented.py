"""An array as a dialect presents it: its own axes, origin and chunks, over one VoxelArray.

Where a presented chunk is a stored chunk, its stored bytes are found and handed on undecoded;
otherwise the box is read and laid out. How metadata describes it is each dialect's own.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from datasets.streaming.chunk_files import ChunkFiles
from datasets.voxels.array import (
    MAX_BOX_BYTES,
    ChunkCodec,
    StoredBytes,
    StoredChunk,
    VoxelArray,
    Voxels,
)
from datasets.voxels.box import Box, Vec3
from datasets.voxels.errors import BoxTooLarge, VoxelsBroken
from sharing.sizes import readable_size

Axes = tuple[str, ...]
Position = tuple[int, ...]

_READ_ORDER = "cxyz"


def read_within(
    array: VoxelArray,
    layer_box: Box,
    box: Box,
    *,
    channels: range | None = None,
    additional: dict[str, int] | None = None,
    max_bytes: int = MAX_BOX_BYTES,
) -> Voxels:
    """The voxels of `box` (c, x, y, z), zero where it leaves the layer's box.

    `additional` gives the index on every additional axis, by default 0 on each. Raises BoxTooLarge
    before anything is read.
    """
    if additional is None:
        additional = {axis.name: 0 for axis in array.additional_axes}
    inside = box.clipped(layer_box)
    count = array.num_channels if channels is None else len(channels)
    size = count * box.volume * array.dtype.itemsize
    if size > max_bytes:
        raise BoxTooLarge(
            f"That is {readable_size(size)}, but one request gives at most "
            f"{readable_size(max_bytes)}. Ask for a smaller box or a coarser mag."
        )
    if inside == box:
        return array.read(box, channels=channels, additional=additional, max_bytes=max_bytes)
    voxels = np.zeros((count, *box.size), array.dtype, order="F")
    if inside.volume:
        where = (slice(None), *inside.slices_in(box))
        voxels[where] = array.read(
            inside, channels=channels, additional=additional, max_bytes=max_bytes
        )
    return voxels


class Grid:
    """How a dialect cuts an array: per axis of `axes` its length and that of a chunk.

    `origin` is the voxel (x, y, z, in the mag's own voxels) that the dialect counts from.
    """

    def __init__(
        self, axes: Axes, shape: tuple[int, ...], chunk_shape: tuple[int, ...], origin: Vec3
    ) -> None:
        self.axes = axes
        self.shape = shape
        self.chunk_shape = chunk_shape
        self.origin = origin
        self.counts = [-(-n // chunk) for n, chunk in zip(shape, chunk_shape, strict=True)]

    def position(self, numbers: list[str]) -> Position | None:
        """The chunk's position that these texts name, None for one that is not in the grid."""
        try:
            position = tuple([int(number) for number in numbers])
        except ValueError:
            return None
        # Numbers are also refused in any other spelling than Zarr's own.
        if len(position) != len(self.counts) or [str(n) for n in position] != numbers:
            return None
        for number, count in zip(position, self.counts, strict=True):
            if not 0 <= number < count:
                return None
        return position


class StoredChunks:
    """Presented chunks that are stored chunks, in the dialect's own order of axes."""

    def __init__(self, array: VoxelArray, codec: ChunkCodec, layer_box: Box, grid: Grid) -> None:
        self.codec = codec
        self._array = array
        self._additional = [axis.name for axis in array.additional_axes]
        self._places = [grid.axes.index(axis) for axis in (*_READ_ORDER, *self._additional)]
        sizes = array.chunk_shape[1:]
        x, y, z = (low // size for low, size in zip(grid.origin, sizes, strict=True))
        self._shift = (x, y, z)
        x, y, z = (low // size for low, size in zip(layer_box.offset, sizes, strict=True))
        self._first = (x, y, z)
        # Without compression the length of a chunk is known; a cut one would not be noticed.
        self._length = None if codec.steps else math.prod(codec.shape) * codec.dtype.itemsize
        self.files = self._chunk_files(grid)

    def chunk(self, position: Position) -> StoredChunk | None:
        """A chunk as it is stored; None where it is absent or outside of the layer's box.

        Raises VoxelsBroken where what is stored is known to be cut.
        """
        c, x, y, z, *additional = [position[place] for place in self._places]
        shift_x, shift_y, shift_z = self._shift
        first_x, first_y, first_z = self._first
        x, y, z = x + shift_x, y + shift_y, z + shift_z
        if x < first_x or y < first_y or z < first_z:
            return None
        indices = dict(zip(self._additional, additional, strict=True)) if additional else None
        stored = self._array.stored_chunk((c, x, y, z), additional=indices)
        if not isinstance(stored, StoredBytes) or self._length is None:
            return stored
        if stored.length != self._length:
            raise VoxelsBroken(
                stored.path.name,
                f"chunk {(c, x, y, z)} has {stored.length} bytes instead of {self._length}",
            )
        return stored

    def _chunk_files(self, grid: Grid) -> ChunkFiles | None:
        """The shortest way to chunks, where each is a file."""
        names = self._array.chunk_file_names()
        if names is None:
            return None
        shifts = dict(zip("xyz", self._shift, strict=True))
        firsts = dict(zip("xyz", self._first, strict=True))
        lengths = dict(zip(_READ_ORDER, self._array.shape, strict=True))
        sizes = dict(zip(_READ_ORDER, self._array.chunk_shape, strict=True))
        for extra in self._array.additional_axes:
            lengths[extra.name], sizes[extra.name] = extra.size, extra.chunk_size
        bounds = []
        for axis, count in zip(grid.axes, grid.counts, strict=True):
            shift, stored = shifts.get(axis, 0), -(-lengths[axis] // sizes[axis])
            bounds.append((max(firsts.get(axis, 0) - shift, 0), min(count, stored - shift)))
        moved = [shifts.get(axis, 0) for axis in grid.axes]
        return ChunkFiles(names, grid.axes, bounds, moved, self._length)


class DecodedChunks:
    """Presented chunks that are read, converted to `dtype` and laid out along `layout`.

    `layout` names the axes from the slowest to the fastest in a chunk's bytes; on additional axes
    chunks have length 1.
    """

    codec = None
    files = None

    def __init__(
        self,
        array: VoxelArray,
        layer_box: Box,
        grid: Grid,
        layout: Axes,
        dtype: np.dtype[np.generic],
    ) -> None:
        self._array = array
        self._layer_box = layer_box
        self._grid = grid
        self._order = [_READ_ORDER.index(axis) for axis in layout if axis in _READ_ORDER]
        self._dtype = dtype

    def chunk(self, position: Position) -> bytes | None:
        """A chunk's bytes, uncompressed; None where all of it is zero."""
        lengths = dict(zip(self._grid.axes, self._grid.chunk_shape, strict=True))
        places = dict(zip(self._grid.axes, position, strict=True))
        x, y, z = (
            origin + places[axis] * lengths[axis]
            for axis, origin in zip("xyz", self._grid.origin, strict=True)
        )
        box = Box((x, y, z), (lengths["x"], lengths["y"], lengths["z"]))
        first = places["c"] * lengths["c"]
        voxels = read_within(
            self._array,
            self._layer_box,
            box,
            channels=range(first, min(first + lengths["c"], self._array.num_channels)),
            additional={axis.name: places[axis.name] for axis in self._array.additional_axes},
        )
        if not voxels.any():
            return None
        if voxels.shape[0] < lengths["c"]:
            missing = lengths["c"] - voxels.shape[0]
            voxels = np.pad(voxels, ((0, missing), (0, 0), (0, 0), (0, 0)))
        return voxels.astype(self._dtype, copy=False).transpose(self._order).tobytes()


Chunks = StoredChunks | DecodedChunks


@dataclass(frozen=True, slots=True)
class PresentedArray:
    """An array in a dialect: the document that describes it, and its chunks."""

    metadata: bytes
    grid: Grid
    chunks: Chunks

    def chunk(self, numbers: list[str]) -> StoredChunk | None:
        """The chunk at the position that these texts name, None for an absent one."""
        position = self.grid.position(numbers)
        return None if position is None else self.chunks.chunk(position)


def is_aligned(origin: Vec3, array: VoxelArray) -> bool:
    """Whether a grid that starts at `origin` is the stored one, moved by whole chunks."""
    return not any(
        offset % length for offset, length in zip(origin, array.chunk_shape[1:], strict=True)
    )


def order_of_bytes(codec: ChunkCodec) -> Axes:
    """The axes along which a stored chunk is longer than 1, from the slowest to the fastest."""
    return tuple(axis for axis, length in zip(codec.axes, codec.shape, strict=True) if length > 1)


def grid_lengths(axes: Axes, *groups: dict[str, int]) -> tuple[int, ...]:
    """Pick the length of every axis from the groups, in the order of `axes`."""
    lengths = dict(itertools.chain.from_iterable(group.items() for group in groups))
    return tuple(lengths[axis] for axis in axes)
