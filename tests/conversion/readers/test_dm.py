"""Digital Micrograph files: real ones, and ones written here for every type and byte order."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conversion.readers import UnreadableImage
from conversion.readers.registry import open_file
from tests.conversion.readers.contract import Case, ReaderContract

TYPES = {"i2": 1, "f4": 2, "u1": 6, "i4": 7, "i1": 9, "u2": 10, "u4": 11, "f8": 12}
ELEMENTS = {"i2": 2, "i4": 3, "u2": 4, "u4": 5, "f4": 6, "f8": 7, "i1": 9, "u1": 10}

Tags = dict[str, Any]


class Writer:
    """Writes a tag tree: dicts are groups, arrays arrays, strings UTF-16, numbers numbers."""

    def __init__(self, version: int, order: str) -> None:
        self.version, self.order = version, order
        self.count = ">q" if version == 4 else ">i"

    def file(self, root: Tags) -> bytes:
        body = self.group(root)
        size = struct.pack(self.count, len(body))
        return struct.pack(">i", self.version) + size + self.number(self.order == "<") + body

    def number(self, value: int) -> bytes:
        return struct.pack(">i", value)

    def counts(self, *values: int) -> bytes:
        return b"".join(struct.pack(self.count, value) for value in values)

    def group(self, tags: Tags) -> bytes:
        return b"\1\0" + self.counts(len(tags)) + b"".join(map(self.tag, tags, tags.values()))

    def tag(self, label: str, value: Any) -> bytes:
        name = b"" if label.isdigit() else label.encode("latin-1")
        is_group = isinstance(value, dict)
        body = self.group(value) if is_group else b"%%%%" + self.value(value)
        size = struct.pack(">q", len(body)) if self.version == 4 else b""
        return bytes([20 if is_group else 21]) + struct.pack(">H", len(name)) + name + size + body

    def value(self, value: Any) -> bytes:
        match value:
            case np.ndarray():
                element = ELEMENTS[value.dtype.str[1:]]
                return self.counts(3, 20, element, value.size) + self.bytes(value)
            case str():
                return self.value(np.frombuffer(value.encode("utf-16-le"), "<u2"))
            case tuple():  # a rectangle, as a struct
                fields = (part for _ in value for part in (0, 3))
                kind = self.counts(3 + 2 * len(value), 15, 0, len(value), *fields)
                return kind + struct.pack(f"{self.order}{len(value)}i", *value)
            case float():
                return self.counts(1, 7) + struct.pack(self.order + "d", value)
        return self.counts(1, 5) + struct.pack(self.order + "I", value)

    def bytes(self, array: NDArray[Any]) -> bytes:
        return array.astype(array.dtype.newbyteorder(self.order)).tobytes()


def listed(*values: Any) -> Tags:
    return {str(place): value for place, value in enumerate(values)}


def an_image(
    voxels: NDArray[Any], steps: tuple[tuple[float, str], ...] = (), kind: int | None = None
) -> Tags:
    axes = [{"Scale": scale, "Units": unit, "Origin": 0.0} for scale, unit in steps]
    return {
        "Name": "stack",
        "ImageData": {
            "Calibrations": {"Dimension": listed(*axes)},
            "Data": voxels,
            "DataType": TYPES[voxels.dtype.str[1:]] if kind is None else kind,
            "Dimensions": listed(*voxels.shape[::-1]),
        },
    }


def a_tree(*images: Tags) -> Tags:
    """The thumbnail that every file has, and then the images."""
    thumbnail = an_image(np.zeros((9, 9), np.uint32), kind=23)
    return {
        "ImageList": listed(thumbnail, *images),
        "Thumbnails": listed({"ImageIndex": 0, "Bounds": (0, 0, 9, 9)}),
    }


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(*images: Tags, version: int = 4, order: str = "<") -> Path:
        path = tmp_path / f"image.dm{version}"
        path.write_bytes(Writer(version, order).file(a_tree(*images)))
        return path

    return written


def numbers(dtype: str, *shape: int) -> NDArray[Any]:
    return np.random.default_rng(1).integers(0, 100, shape).astype(dtype)


class TestWrittenFiles(ReaderContract):
    @pytest.fixture(params=[(3, "<", "u1"), (3, ">", "i2"), (4, "<", "f4"), (4, ">", "u4")])
    def case(self, request: pytest.FixtureRequest, write: Write) -> Case:
        version, order, dtype = request.param
        voxels = numbers(dtype, 3, 7, 5)
        return Case(write(an_image(voxels), version=version, order=order), voxels[None])


class TestColour(ReaderContract):
    @pytest.fixture(params="<>")
    def case(self, request: pytest.FixtureRequest, write: Write) -> Case:
        rgb = numbers("u1", 1, 2, 4, 5, 3)
        alpha = np.full((1, 2, 4, 5), 255, np.uint32)
        red, green, blue = np.moveaxis(rgb.astype(np.uint32), -1, 0)
        voxels = (alpha << 24 | red << 16 | green << 8 | blue)[0]
        return Case(write(an_image(voxels, kind=23), order=request.param), rgb)


class TestRealFile(ReaderContract):
    @pytest.fixture
    def case(self, samples: Path, tmp_path: Path) -> Case:
        path = tmp_path / "stack.dm4"
        path.write_bytes((samples / "dm" / "3d_test-1.dm4").read_bytes())
        return Case(path, np.arange(1, 9, dtype=np.int16).reshape(1, 2, 2, 2))


@pytest.mark.parametrize("dtype", TYPES)
def test_reads_every_type(dtype: str, write: Write) -> None:
    voxels = numbers(dtype, 4, 6)
    (image,) = open_file(write(an_image(voxels)))
    assert image.info.dtype == dtype
    np.testing.assert_array_equal(image.read({}, range(1))[0], voxels)


@pytest.mark.parametrize(
    ("steps", "factor", "unit"),
    [
        (((4.0, "nm"), (4.0, "nm"), (40.0, "nm")), (4, 4, 40), "nanometer"),
        (((0.5, "µm"), (0.5, "µm"), (250.0, "nm")), (0.5, 0.5, 0.25), "micrometer"),
    ],
)
def test_tells_the_voxel_size(
    steps: tuple[tuple[float, str], ...], factor: tuple[float, ...], unit: str, write: Write
) -> None:
    (image,) = open_file(write(an_image(numbers("u1", 2, 3, 4), steps)))
    assert image.info.voxel_size is not None
    assert image.info.voxel_size.factor == pytest.approx(factor)
    assert image.info.voxel_size.unit == unit
    assert image.info.name == "stack"


@pytest.mark.parametrize("unit", ["", "1/nm", "eV"])
def test_believes_no_unit_that_is_no_length(unit: str, write: Write) -> None:
    (image,) = open_file(write(an_image(numbers("u1", 3, 4), ((1.0, unit), (1.0, unit)))))
    assert image.info.voxel_size is None
    assert any(unit in note for note in image.info.notes) == bool(unit)


def test_a_stack_over_seconds_is_a_time_series(write: Write) -> None:
    voxels = numbers("u1", 5, 3, 4)
    (image,) = open_file(write(an_image(voxels, ((2.0, "nm"), (2.0, "nm"), (0.1, "s")))))
    assert image.info.axes == ("t", "c", "z", "y", "x")
    assert image.info.shape == (5, 1, 1, 3, 4)
    assert image.info.voxel_size is not None
    np.testing.assert_array_equal(image.read({"t": 3}, range(1))[0], voxels[3])


def test_every_image_but_the_thumbnail_is_there(write: Write) -> None:
    first, second = numbers("u1", 3, 4), numbers("f4", 5, 6)
    refused = an_image(numbers("f8", 2, 2), kind=3)
    images = open_file(write(an_image(first), an_image(second), refused))
    assert [image.info.shape for image in images] == [(1, 1, 3, 4), (1, 1, 5, 6)]
    assert "complex" in images[0].info.notes[0]


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (an_image(numbers("f8", 2, 2), kind=3), "complex numbers"),
        (an_image(numbers("f4", 100)), "1 axes"),
        (an_image(numbers("f4", 3, 4)) | {"ImageData": {}}, "holds no image"),
    ],
)
def test_says_why_it_reads_none(image: Tags, says: str, write: Write) -> None:
    with pytest.raises(UnreadableImage, match=says):
        open_file(write(image))


def test_endless_groups_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.dm3"
    path.write_bytes(struct.pack(">iii", 3, 0, 1) + b"\0\0\0\0\0\1\x14\0\0" * 100_000)
    with pytest.raises(UnreadableImage, match="too deep"):
        open_file(path)


SAMPLES = {
    "test_dm_image_um_unit.dm3": ((1, 1, 68, 68), "int32", 2866, 3774),
    "test_STEM_image.dm3": ((1, 1, 68, 68), "uint32", 29407, 36106),
    "test_stackbuilder_imagestack.dm3": ((1, 3, 2, 16), "uint32", 593415, 640661),
    "3d_test-2.dm3": ((1, 2, 2, 2), "float32", 1, 8),
    "3d_test-23.dm4": ((1, 2, 2, 2), "uint8", 1, 8),
}
"""Shape, type, smallest and largest voxel, as RosettaSciIO tells them."""


@pytest.mark.parametrize("name", SAMPLES)
def test_reads_real_files_as_another_program_does(name: str, samples: Path) -> None:
    shape, dtype, smallest, largest = SAMPLES[name]
    (image,) = open_file(samples / "dm" / name)
    with image:
        voxels = image.read({}, range(shape[1]))
    assert (image.info.shape, image.info.dtype) == (shape, dtype)
    assert (voxels.min(), voxels.max()) == (smallest, largest)
