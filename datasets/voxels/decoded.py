"""Arrays that tensorstore decodes: Zarr v2 and v3, N5, Neuroglancer precomputed.

tensorstore aborts a forked process once its parent has read with it, so it is imported and set up
at the first read, in the process that reads.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from datasets.voxels.array import (
    AdditionalAxis,
    ChunkCodec,
    ChunkFileNames,
    StoredBytes,
    Vec4,
    VoxelArray,
    Voxels,
    as_index,
)
from datasets.voxels.blosc import BloscCheck
from datasets.voxels.box import Box, Vec3
from datasets.voxels.errors import VoxelsBroken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import tensorstore

    from datasets.voxels.mag_files import MagFiles
    from datasets.voxels.stored import StoredArray

_CACHE_BYTES = 256 * 2**20
_MAX_CHECKED = 100_000
_FILE_ERROR = re.compile(r'local file "(?P<file>[^"]+)": (?P<cause>[^"]+)$')


@functools.cache
def _context() -> tensorstore.Context:
    """The one context of this process: decoded chunks are kept up to a bound, threads are few."""
    import tensorstore as ts

    threads = min(os.cpu_count() or 1, 8)
    return ts.Context(
        {
            "cache_pool": {"total_bytes_limit": _CACHE_BYTES},
            "data_copy_concurrency": {"limit": threads},
            "file_io_concurrency": {"limit": 2 * threads},
        }
    )


def _xyz(values: Mapping[str | None, int], *, default: int) -> Vec3:
    """Pick the values of the space axes; an axis that the array lacks has the default."""
    return (values.get("x", default), values.get("y", default), values.get("z", default))


class DecodedArray(VoxelArray):
    """A stored array, its axes `names` put into the order c, x, y, z, additional.

    Chunks are checked against their files when the array was opened later than they were cached:
    whoever opens the array anew (because its dataset changed) sees what is stored now.
    """

    def __init__(self, files: MagFiles, stored: StoredArray, names: tuple[str | None, ...]) -> None:
        self._files = files
        self._path = files.directory
        self._stored = stored
        self._names = names
        self._checked: set[tuple[int, ...]] = set()
        self.dtype = stored.dtype
        self.fill_value = stored.fill_value
        lengths = dict(zip(names, stored.shape, strict=True))
        chunks = dict(zip(names, stored.chunk, strict=True))
        origins = dict(zip(names, stored.origin, strict=True))
        self.num_channels = lengths.get("c", 1)
        self.chunk_shape = (chunks.get("c", 1), *_xyz(chunks, default=1))
        self.additional_axes = tuple(
            AdditionalAxis(name, lengths[name], chunks[name])
            for name in names
            if name is not None and name not in {"c", "x", "y", "z"}
        )
        self._axes = ("c", "x", "y", "z", *(axis.name for axis in self.additional_axes))
        self._extent = Box(_xyz(origins, default=0), _xyz(lengths, default=1))
        self.codec = self._chunk_codec()
        self._order = self._memory_order()
        self._blosc_check = (
            BloscCheck(files, stored.location, stored.blosc_offset)
            if stored.location is not None and stored.blosc_offset is not None
            else None
        )

    @property
    def extent(self) -> Box:
        return self._extent

    def _chunk_codec(self) -> ChunkCodec | None:
        encoding = self._stored.encoding
        if encoding is None or None in self._names:
            return None
        return ChunkCodec(
            axes=tuple(str(self._names[axis]) for axis in encoding.axes),
            shape=tuple(self._stored.chunk[axis] for axis in encoding.axes),
            dtype=encoding.dtype,
            steps=encoding.steps,
        )

    def _memory_order(self) -> Literal["C", "F"]:
        """The order of results in which x or z varies as fast as in the decoded chunks.

        Turning the axes round on the way costs ten times what copying does.
        """
        if self._stored.encoding is None:
            return "F"  # N5 and precomputed
        names = [self._names[axis] for axis in self._stored.encoding.axes]
        if "z" in names and names.index("x") < names.index("z"):
            return "C"
        return "F"

    def chunk_file_names(self) -> ChunkFileNames | None:
        location = self._stored.location
        if location is None:
            return None
        axes = tuple(name for name in self._names if name is not None)
        if len(axes) != len(self._names):
            return None
        keys = location.keys
        prefix = "".join(f"{part}{keys.separator}" for part in keys.prefix)
        return ChunkFileNames(self._path, prefix, axes, keys.separator, location.shard)

    def _locate(self, chunk: Vec4, additional: tuple[int, ...]) -> StoredBytes | None:
        if self._stored.location is None:
            return None
        position = self._position((*chunk, *additional))
        return self._stored.location.locate(self._files, position)

    def _position(self, chunk: tuple[int, ...]) -> tuple[int, ...]:
        """Put a chunk's place along c, x, y, z, additional into the array's own axis order."""
        places = dict(zip(self._axes, chunk, strict=True))
        return tuple(0 if name is None else places[name] for name in self._names)

    def _touched(
        self, box: Box, channels: Sequence[int], additional: tuple[int, ...]
    ) -> Iterator[tuple[int, ...]]:
        """Give the positions of the chunks that a read needs, in the array's own axis order."""
        channel_size, *sizes = self.chunk_shape
        return map(
            self._position,
            itertools.product(
                sorted({channel // channel_size for channel in channels}),
                *(
                    range((low - first) // size, (high - 1 - first) // size + 1)
                    for low, high, first, size in zip(
                        box.offset, box.end, self._extent.offset, sizes, strict=True
                    )
                ),
                *(
                    [index // axis.chunk_size]
                    for index, axis in zip(additional, self.additional_axes, strict=True)
                ),
            ),
        )

    def _check_links(self, positions: Iterator[tuple[int, ...]]) -> None:
        """Refuse to read through links that lead out of the mag: tensorstore follows any.

        Each chunk is looked at once, as by the check of Blosc chunks, which does this besides.
        """
        location = self._stored.location
        file_name = location.file_name if location is not None else self._stored.file_name
        if file_name is None:
            return
        for position in positions:
            if position not in self._checked:
                self._files.find(file_name(position))
                if len(self._checked) >= _MAX_CHECKED:
                    self._checked.clear()
                self._checked.add(position)

    @functools.cached_property
    def _view(self) -> tensorstore.TensorStore:
        """The open array with the axes c, x, y, z, additional."""
        import tensorstore as ts

        if self._stored.location is None and self._stored.file_name is None:
            self._files.check_links()
        spec = self._stored.spec | {
            "open": True,
            "assume_metadata": True,
            "recheck_cached_metadata": False,
            "recheck_cached_data": "open",
        }
        store = ts.open(spec, context=_context(), read=True).result()
        # Axes without a name have length 1.
        store = store[tuple(0 if name is None else slice(None) for name in self._names)]
        names = [name for name in self._names if name is not None]
        for name in ("c", "z"):
            if name not in names:
                store = store[ts.newaxis, ...]
                names.insert(0, name)
        return store.transpose([names.index(name) for name in self._axes])

    def _read_inside(
        self, box: Box, channels: Sequence[int], additional: tuple[int, ...]
    ) -> Voxels:
        touched = self._touched(box, channels, additional)
        if self._blosc_check is not None:
            self._blosc_check.check(touched)
        else:
            self._check_links(touched)
        where = tuple(slice(low, high) for low, high in zip(box.offset, box.end, strict=True))
        try:
            read = self._view[(as_index(channels), *where, *additional)].read(order=self._order)
            voxels: np.ndarray[Any, np.dtype[Any]] = read.result()
        except Exception as error:  # whatever it is, these files caused it
            raise self._broken(str(error)) from error
        if voxels.dtype.kind == "b":
            return voxels.view(self.dtype)
        return voxels

    def _broken(self, message: str) -> VoxelsBroken:
        """Turn tensorstore's message, which names absolute paths, into one for people."""
        message = message.split(" [source locations", maxsplit=1)[0].rstrip(". ")
        if found := _FILE_ERROR.search(message):
            file, cause = os.path.relpath(found["file"], self._path), found["cause"]
        else:
            file, cause = self._stored.metadata_file, message.partition(": ")[2] or message
        return VoxelsBroken(file, cause.replace(f"{self._path.parent}/", ""))
