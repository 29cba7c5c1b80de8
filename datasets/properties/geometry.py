"""Mags and bounding boxes: where voxels lie. All in axis order x, y, z."""

import re
from collections.abc import Callable
from typing import NamedTuple

from pydantic_core import PydanticCustomError

from datasets.properties.record import Record

Vec3Int = tuple[int, int, int]
Vec3Float = tuple[float, float, float]


class Mag(NamedTuple):
    """How many voxels of the finest data one voxel of this resolution level spans."""

    x: int
    y: int
    z: int

    @classmethod
    def parse(cls, value: object) -> "Mag":
        """The mag in any of its spellings: 2, [2, 2, 1], "2" or "2-2-1".

        Raises PydanticCustomError (a ValueError) for anything else.
        """
        components: tuple[object, ...] = ()
        match value:
            case [x, y, z]:
                components = (x, y, z)
            case int():
                components = (value, value, value)
            case str() if re.fullmatch(r"[0-9]{1,9}", value):
                components = (int(value),) * 3
            case str() if re.fullmatch(r"[0-9]{1,9}-[0-9]{1,9}-[0-9]{1,9}", value):
                components = tuple(int(part) for part in value.split("-"))
        factors = [c for c in components if isinstance(c, int) and c > 0 and c is not True]
        if len(factors) != 3:
            raise PydanticCustomError(
                "mag",
                "{value} is not a mag; write three whole numbers from 1 up, like [2, 2, 1]",
                {"value": repr(value)},
            )
        return cls(*factors)

    @property
    def literal(self) -> str:
        """`1` where all components are equal, else like `2-2-1`."""
        return str(self.x) if self.x == self.y == self.z else self.long_literal

    @property
    def long_literal(self) -> str:
        """Always like `2-2-1`, the other way in which mag directories are named."""
        return f"{self.x}-{self.y}-{self.z}"


class BoundingBox(Record):
    """A box of voxels; in datasource-properties.json always in voxels of mag 1."""

    top_left: Vec3Int
    width: int
    height: int
    depth: int

    @classmethod
    def of(cls, top_left: Vec3Int, size: Vec3Int) -> "BoundingBox":
        return cls(top_left=top_left, width=size[0], height=size[1], depth=size[2])

    @classmethod
    def between(cls, top_left: Vec3Int, bottom_right: Vec3Int) -> "BoundingBox":
        """The box from `top_left` up to, not including, `bottom_right`."""
        x, y, z = (high - low for low, high in zip(top_left, bottom_right, strict=True))
        return cls.of(top_left, (x, y, z))

    @property
    def size(self) -> Vec3Int:
        return self.width, self.height, self.depth

    @property
    def bottom_right(self) -> Vec3Int:
        """The first voxel beyond the box on each axis."""
        x, y, z = self.top_left
        return x + self.width, y + self.height, z + self.depth

    @property
    def center(self) -> Vec3Int:
        x, y, z = self.top_left
        return x + self.width // 2, y + self.height // 2, z + self.depth // 2

    @property
    def is_empty(self) -> bool:
        return min(self.size) <= 0

    @property
    def volume(self) -> int:
        """The number of voxels, 0 for an empty box."""
        return 0 if self.is_empty else self.width * self.height * self.depth

    def in_mag(self, mag: Mag) -> "BoundingBox":
        """The smallest box of voxels of `mag` that covers this box of mag-1 voxels."""
        (left, top, front), (right, bottom, back) = self.top_left, self.bottom_right
        return BoundingBox.between(
            (left // mag.x, top // mag.y, front // mag.z),
            (-(-right // mag.x), -(-bottom // mag.y), -(-back // mag.z)),
        )

    def from_mag(self, mag: Mag) -> "BoundingBox":
        """The box of mag-1 voxels that this box of voxels of `mag` spans."""
        (x, y, z), (width, height, depth) = self.top_left, self.size
        return BoundingBox.of(
            (x * mag.x, y * mag.y, z * mag.z), (width * mag.x, height * mag.y, depth * mag.z)
        )

    def union(self, other: "BoundingBox") -> "BoundingBox":
        """The smallest box around both; an empty box adds nothing."""
        if self.is_empty or other.is_empty:
            return other if self.is_empty else self
        return BoundingBox.between(
            _each(min, self.top_left, other.top_left),
            _each(max, self.bottom_right, other.bottom_right),
        )

    def intersection(self, other: "BoundingBox") -> "BoundingBox":
        """What both boxes share; of size 0 on the axes where they do not overlap."""
        top_left = _each(max, self.top_left, other.top_left)
        bottom_right = _each(min, self.bottom_right, other.bottom_right)
        return BoundingBox.between(top_left, _each(max, top_left, bottom_right))


def _each(choose: Callable[[int, int], int], first: Vec3Int, second: Vec3Int) -> Vec3Int:
    (a, b, c), (x, y, z) = first, second
    return choose(a, x), choose(b, y), choose(c, z)
