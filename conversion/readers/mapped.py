"""Images whose voxels lie at regular distances in a file, or in one stream of gzip or bzip2.

They are read by a memory map; a stream is first unpacked into a nameless file, once.
"""

import bz2
import gzip
import math
import mmap
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from conversion.readers.errors import UnreadableImage, decoding
from conversion.readers.protocol import Image, ImageInfo, Reader

_PIECE_BYTES = 1 << 20


class MappedImage(Image):
    """Voxels of the type `stored` in `file`, the first one at byte `offset`.

    `strides` are the bytes from one voxel to the next on each of `info.axes`, and, where the image
    `is_rgb`, from one sample to the next as well. Reading converts from `stored` to `info.dtype`.
    With `stream_from`, a compressed stream begins at that byte, and `offset` is within the stream.
    """

    reads_bands = True

    def __init__(
        self,
        reader: Reader,
        path: Path,
        number: int,
        info: ImageInfo,
        *,
        file: Path,
        offset: int,
        stored: np.dtype[Any],
        strides: Sequence[int],
        stream_from: int | None = None,
        files: Sequence[Path] = (),
    ) -> None:
        super().__init__(reader, path, number, info, files=files)
        self._file = file
        self._offset = offset
        self._stored = stored
        self._strides = tuple(strides)
        self._shape = (*info.shape, *((3,) if info.is_rgb else ()))
        self._map: mmap.mmap | None = None
        self._lock = Lock()
        self._stream_from = stream_from
        self._needed = offset + self._extent(self._shape)
        if stream_from is None:
            self._refuse_shorter(file.stat().st_size)

    def close(self) -> None:
        self._map = None  # unmapped with the last array that looks into it

    def _read_slices(self, index: Mapping[str, int], z: range, y: range, out: NDArray[Any]) -> None:
        mapped = self._opened()
        voxels = np.ndarray(self._shape, self._stored, mapped, self._offset, self._strides)
        place = tuple(index[axis] for axis in (*self.info.further_axes, "c"))
        at_place: NDArray[Any] = voxels[place]
        out[...] = at_place[z.start : z.stop, y.start : y.stop]
        self._let_go(mapped, place, z, y)

    def _read_plane(self, index: Mapping[str, int], z: int, y: range, out: NDArray[Any]) -> None:
        self._read_slices(index, range(z, z + 1), y, out[np.newaxis])

    def _opened(self) -> mmap.mmap:
        with self._lock:
            if self._map is None:
                with self._file.open("rb") as file:
                    self._map = self._mapped(file)
            return self._map

    def _mapped(self, file: BinaryIO) -> mmap.mmap:
        if self._stream_from is None:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        file.seek(self._stream_from)
        with tempfile.TemporaryFile() as unpacked, decoding(self.path, self.reader.name):
            self._unpack(file, unpacked)
            self._refuse_shorter(unpacked.tell())
            unpacked.flush()
            return mmap.mmap(unpacked.fileno(), 0, access=mmap.ACCESS_READ)

    def _unpack(self, file: BinaryIO, unpacked: BinaryIO) -> None:
        """Unpack as much as the voxels need, and no more, however much there is."""
        mark = file.read(2)
        file.seek(-len(mark), 1)
        with bz2.open(file) if mark == b"BZ" else gzip.open(file) as stream:
            while missing := self._needed - unpacked.tell():
                if not (piece := stream.read(min(missing, _PIECE_BYTES))):
                    break
                unpacked.write(piece)

    def _refuse_shorter(self, there: int) -> None:
        if self._offset < 0 or self._needed > there:
            which = "The file" if self._file == self.path else f"'{self._file.name}'"
            raise UnreadableImage(
                self.path,
                f"{which} ends after {there:,} bytes; its voxels need {self._needed:,}.",
                "It is incomplete; export or copy it again.",
            )

    def _let_go(self, mapped: mmap.mmap, place: Sequence[int], z: range, y: range) -> None:
        """Take what was read out of this process's resident size, which a watchdog looks at; it
        stays in the machine's cache."""
        first = (*place, z.start, y.start)
        start = self._offset + sum(
            at * stride for at, stride in zip(first, self._strides, strict=False)
        )
        shape = (*(1 for _ in place), len(z), len(y), *self._shape[len(first) :])
        end = start + self._extent(shape)
        start -= start % mmap.PAGESIZE
        mapped.madvise(mmap.MADV_DONTNEED, start, end - start)

    def _extent(self, shape: Sequence[int]) -> int:
        """The bytes from the first voxel of a box of this shape to the end of its farthest."""
        steps = zip(shape, self._strides, strict=True)
        return (
            sum((length - 1) * max(stride, 0) for length, stride in steps) + self._stored.itemsize
        )


def strides_of(stored_shape: Sequence[int], itemsize: int) -> list[int]:
    """The byte strides of an array in C-order, the last axis fastest."""
    return [itemsize * math.prod(stored_shape[axis + 1 :]) for axis in range(len(stored_shape))]


def native(stored: np.dtype[Any]) -> np.dtype[Any]:
    """The type that an image has whose voxels are stored so: native order, no half precision."""
    if stored.kind == "b":
        return np.dtype(np.uint8)
    if stored.kind == "f" and stored.itemsize == 2:
        return np.dtype(np.float32)
    return stored.newbyteorder("=")
