"""The voxel types that a layer can have, and what follows from each of them."""

import sys
from enum import StrEnum

import numpy as np


class ElementClass(StrEnum):
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT24 = "uint24"
    UINT32 = "uint32"
    UINT64 = "uint64"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT = "float"
    DOUBLE = "double"

    @classmethod
    def of(cls, dtype: np.dtype[np.generic], channels: int = 1) -> "ElementClass":
        """The class of voxels of `dtype`; three channels of uint8 are `uint24`.

        Raises ValueError for a dtype that no class stands for, such as bool or complex.
        """
        for element_class in cls:
            if element_class.dtype == dtype.newbyteorder("=") and element_class is not cls.UINT24:
                is_rgb = element_class is cls.UINT8 and channels == 3
                return cls.UINT24 if is_rgb else element_class
        raise ValueError(f"voxels of type {dtype} are not supported")

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The type of one channel of one voxel."""
        names = {"uint24": "uint8", "float": "float32", "double": "float64"}
        return np.dtype(names.get(self.value, self.value))

    @property
    def channels(self) -> int:
        """How many channels the class itself implies: 3 for uint24 (RGB), else 1."""
        return 3 if self is ElementClass.UINT24 else 1

    def of_one_channel(self, channels: int) -> "ElementClass":
        """The class of one channel of a layer of this class with so many channels.

        The public Python library counts the bits of all channels: two channels of uint8 are
        `uint16`, as three are `uint24`. Where the bits can't be shared out, each channel has them.
        """
        bits, rest = divmod(self.bits, channels)
        candidates = (
            other
            for other in ElementClass
            if other.bits == bits
            and other.dtype.kind == self.dtype.kind
            and other is not ElementClass.UINT24
        )
        return self if rest else next(candidates, self)

    @property
    def bits(self) -> int:
        """Bits of one voxel, all implied channels together."""
        return self.dtype.itemsize * 8 * self.channels

    @property
    def is_integer(self) -> bool:
        return self.dtype.kind in "iu"

    @property
    def is_signed(self) -> bool:
        return self.dtype.kind != "u"

    @property
    def value_range(self) -> tuple[int, int] | tuple[float, float]:
        """Smallest and largest value of one channel.

        Of `float` ±2^127, the range that WEBKNOSSOS uses for it, and of `double` the largest
        finite numbers.
        """
        if self is ElementClass.FLOAT:
            return -(2.0**127), 2.0**127
        if self is ElementClass.DOUBLE:
            return -sys.float_info.max, sys.float_info.max
        bits = self.dtype.itemsize * 8
        if self.is_signed:
            return -(1 << bits - 1), (1 << bits - 1) - 1
        return 0, (1 << bits) - 1

    @property
    def largest_segment_id(self) -> int:
        """The highest segment id that a voxel of an integer class can hold."""
        return (1 << self.bits - self.is_signed) - 1
