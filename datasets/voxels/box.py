"""Axis-aligned boxes in the voxels of one mag."""

from __future__ import annotations

import math
from typing import NamedTuple

Vec3 = tuple[int, int, int]


class Box(NamedTuple):
    """The voxels from `offset` up to, not including, `offset + size`; both in order x, y, z."""

    offset: Vec3
    size: Vec3

    @property
    def end(self) -> Vec3:
        """The first voxel behind the box on each axis."""
        (x, y, z), (width, height, depth) = self
        return (x + width, y + height, z + depth)

    @property
    def volume(self) -> int:
        """How many voxels lie inside."""
        return math.prod(self.size)

    def clipped(self, other: Box) -> Box:
        """The part that also lies in `other`; its size is 0 on an axis where they don't meet."""
        low = [max(a, b) for a, b in zip(self.offset, other.offset, strict=True)]
        high = [min(a, b) for a, b in zip(self.end, other.end, strict=True)]
        x, y, z = low
        width, height, depth = (max(b - a, 0) for a, b in zip(low, high, strict=True))
        return Box((x, y, z), (width, height, depth))

    def slices_in(self, outer: Box) -> tuple[slice, slice, slice]:
        """Where this box lies in an array (x, y, z) that holds `outer`."""
        x, y, z = (
            slice(a - b, a - b + n)
            for a, b, n in zip(self.offset, outer.offset, self.size, strict=True)
        )
        return (x, y, z)
