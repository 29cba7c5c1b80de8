"""Encoded chunks appended to one file in any order, from any thread, in bounded memory.

What the finished file looks like is the business of its two kinds, the Zarr shard and the WKW
file; cutting and encoding chunks is that of `MagWriter`.
"""

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from conversion.pipeline.part_file import PartFile

MISSING = np.uint64(2**64 - 1)
"""Offset and length of a chunk that was never appended."""


class ChunkFile(ABC):
    """A file of `grid` chunks, of which only the index (16 bytes a chunk) is kept in memory.

    Without a single chunk there is no file. Until `close()` nothing lies under `path`; `abort()`,
    or leaving the context with an error, removes the part.
    """

    def __init__(self, path: Path, grid: tuple[int, ...]) -> None:
        self.path = path
        self.grid = grid
        self._index = np.full((math.prod(grid), 2), MISSING, "<u8")
        self._part: PartFile | None = None
        self._end = 0
        self._is_open = True
        self._lock = threading.Lock()

    def append(self, chunks: Mapping[tuple[int, ...], bytes]) -> None:
        """Store encoded chunks, by their positions in the grid.

        Raises ValueError for a chunk outside of the grid, or one that was appended before.
        """
        numbers = [self._number(chunk) for chunk in chunks]
        with self._lock:
            if not self._is_open:
                raise ValueError(f"{self.path} is closed; no chunk can be added any more.")
            for chunk, number in zip(chunks, numbers, strict=True):
                if self._index[number, 0] != MISSING:
                    raise ValueError(f"Chunk {chunk} of {self.path} was written before.")
            if self._part is None:
                self._part = PartFile(self.path)
            self._part.file.writelines(chunks.values())
            for number, data in zip(numbers, chunks.values(), strict=True):
                self._index[number] = (self._end, len(data))
                self._end += len(data)
            self._part.start_writing_back(self._end)

    def _number(self, chunk: tuple[int, ...]) -> int:
        """The chunk's place in the index, which is in C-order."""
        number, is_inside = 0, len(chunk) == len(self.grid)
        for position, length in zip(chunk, self.grid, strict=False):
            is_inside = is_inside and 0 <= position < length
            number = number * length + position
        if not is_inside:
            raise ValueError(f"Chunk {chunk} lies outside of the grid {self.grid} of {self.path}.")
        return number

    def close(self) -> None:
        """Publish the file. Where that fails (disk full), the part is removed."""
        with self._lock:
            self._is_open = False
            if self._part is None:
                return
            with self._part as part:
                self._part = None
                self._publish(part)

    def abort(self) -> None:
        """Remove what was written; a file that was closed stays."""
        with self._lock:
            self._is_open = False
            if self._part is not None:
                self._part.discard()
                self._part = None

    @abstractmethod
    def _publish(self, part: PartFile) -> None:
        """Turn the appended chunks in `part` into the finished file under `path`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()
