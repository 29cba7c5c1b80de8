"""An image that does what broken files do to decoders; imported by the sandbox's process, too."""

import ctypes
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.readers.protocol import SPACE_AXES, Image, ImageInfo
from conversion.readers.tiff import TiffReader


class FaultyImage(Image):
    def __init__(self, path: Path, fault: str) -> None:
        shape = (1, 1, 1 << 15, 20 << 10) if fault == "fill" else (1, 4, 5, 6)
        info = ImageInfo(name="", axes=SPACE_AXES, shape=shape, dtype=np.dtype(np.uint8))
        super().__init__(TiffReader(), path, 0, info)
        self._fault = fault

    def _read_plane(self, index: Mapping[str, int], z: int, y: range, out: NDArray[Any]) -> None:
        if self._fault == "crash":
            ctypes.string_at(0)
        elif self._fault == "abort":
            os.abort()
        elif self._fault == "hang":
            libc = ctypes.PyDLL(None)  # as a decoder that keeps the interpreter locked
            libc.sleep(600)
        elif self._fault == "allocate":
            np.ones(1 << 32, np.uint8)
        elif self._fault == "grow":
            kept = [np.ones(1 << 20, np.uint8) for _ in range(200)]
            time.sleep(600)
            kept.clear()
        elif self._fault == "fill":
            out[...] = 1  # 640 MiB
            time.sleep(600)
        elif self._fault == "environment":
            out[...] = "SECRET_OF_THE_SITE" in os.environ
        elif self._fault == "raise":
            raise RuntimeError("a bug")
        else:
            out[...] = z

    def __reduce__(self) -> tuple[Any, ...]:
        return FaultyImage, (self.path, self._fault)
