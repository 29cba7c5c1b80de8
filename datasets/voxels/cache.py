"""Opened arrays, kept per process and shared by its threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from datasets.voxels.array import VoxelArray


class ArrayKey(NamedTuple):
    """What makes an opened array reusable; a changed dataset has another `version`."""

    dataset_id: str
    version: str
    layer: str
    mag: str


class ArrayCache:
    """The arrays used last, at most `max_arrays`. An array is opened once, however many ask."""

    def __init__(self, max_arrays: int) -> None:
        self._max_arrays = max_arrays
        self._arrays: OrderedDict[ArrayKey, VoxelArray] = OrderedDict()
        self._opening: dict[ArrayKey, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: ArrayKey, open_array: Callable[[], VoxelArray]) -> VoxelArray:
        """Return the array of `key`, by `open_array` where it isn't open yet.

        What `open_array` raises passes through and is not remembered.
        """
        with self._lock:
            array = self._found(key)
            if array is not None:
                return array
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:
            with self._lock:
                array = self._found(key)
            if array is not None:
                return array
            try:
                array = open_array()
                with self._lock:
                    self._arrays[key] = array
                    while len(self._arrays) > self._max_arrays:
                        self._arrays.popitem(last=False)
            finally:
                with self._lock:
                    self._opening.pop(key, None)
        return array

    def _found(self, key: ArrayKey) -> VoxelArray | None:
        array = self._arrays.get(key)
        if array is not None:
            self._arrays.move_to_end(key)
        return array
