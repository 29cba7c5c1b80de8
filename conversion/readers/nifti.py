"""Reads NIfTI-1 and NIfTI-2 (https://nifti.nimh.nih.gov), and Analyze 7.5, which they grew from.

A binary header, then the voxels, x fastest; in one file, or in a pair of .hdr and .img; each may be
compressed.
"""

import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from conversion.readers.compressed import is_packed, opened, unpacked_head
from conversion.readers.errors import UnreadableImage, decoding
from conversion.readers.mapped import MappedImage, native, strides_of
from conversion.readers.protocol import Image, ImageInfo, Reader
from conversion.readers.voxel_sizes import believable
from datasets.properties import LengthUnit

_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4",
    1024: "i8", 1280: "u8", 128: "u1", 2304: "u1",
}  # fmt: skip
_SAMPLES = {128: 3, 2304: 4}
"""The colour types, and how many bytes a voxel has."""
_UNITS = {1: LengthUnit.METER, 2: LengthUnit.MILLIMETER, 3: LengthUnit.MICROMETER}
_UNIT_BITS = 7
_LABELS = 1002
_AXES = ("x", "y", "z", "t", "c", "u", "v")


class _Layout(NamedTuple):
    """Where a version's fields are, as `struct` formats and offsets."""

    name: str
    size: int
    mark: int
    """The byte where its mark begins."""
    marks: tuple[bytes, ...]
    """Of one file, and of a header with its voxels in another."""
    type: tuple[str, int]
    lengths: tuple[str, int]
    steps: tuple[str, int]
    offset: tuple[str, int]
    scaling: tuple[str, int]
    units: tuple[str, int]
    intent: tuple[str, int]


_NIFTI = (
    _Layout(
        "NIfTI", 348, 344, (b"n+1\0", b"ni1\0"),
        ("h", 70), ("8h", 40), ("8f", 76), ("f", 108), ("2f", 112), ("B", 123), ("h", 68),
    ),
    _Layout(
        "NIfTI", 540, 4, (b"n+2\0", b"ni2\0"),
        ("h", 12), ("8q", 16), ("8d", 104), ("q", 168), ("2d", 176), ("i", 500), ("i", 504),
    ),
)  # fmt: skip
# It has no mark that all programs write. SPM has a slope where NIfTI has one; what stands in the
# place of the intercept is something else.
_ANALYZE = _Layout(
    "Analyze", 348, 0, (),
    ("h", 70), ("8h", 40), ("8f", 76), ("f", 108), ("f", 112), ("4s", 56), ("h", 68),
)  # fmt: skip
_ANALYZE_UNITS = {
    b"mm": LengthUnit.MILLIMETER,
    b"cm": LengthUnit.CENTIMETER,
    b"um": LengthUnit.MICROMETER,
}
_LONGEST = 540


class NiftiReader(Reader):
    """Voxels are as stored: where the file names a slope and an intercept for them, it is told.

    An Analyze file that names no unit is in millimetres, as its format says.
    """

    name = "NIfTI"
    suffixes = (".nii", ".nii.gz", ".hdr")

    def sniff(self, head: bytes, path: Path) -> bool:
        return _layout(unpacked_head(head, path, _LONGEST), path) is not None

    def open(self, path: Path) -> list[Image]:
        with decoding(path, self.name), opened(path) as stream:
            head = stream.read(_LONGEST)
        found = _layout(head, path)
        if found is None:
            raise UnreadableImage(path, "Its NIfTI header is incomplete.", "Export it again.")
        return [self._image(path, head, *found)]

    def _image(self, path: Path, head: bytes, layout: _Layout, order: str) -> Image:
        def field(place: tuple[str, int]) -> tuple[Any, ...]:
            return struct.unpack_from(order + place[0], head, place[1])

        (kind,), (offset,) = field(layout.type), field(layout.offset)
        count, *lengths = (int(length) for length in field(layout.lengths))
        if kind not in _TYPES:
            raise UnreadableImage(
                path,
                f"Its voxels are of a type that is not read ({layout.name}'s number {kind}).",
                "Export it with numbers of 8 to 64 bits.",
            )
        lengths = lengths[: max(count, 0)]
        if not 2 <= count <= len(_AXES) or min(lengths) < 1 or not 0 <= offset < 1 << 62:
            raise UnreadableImage(
                path,
                f"Its {layout.name} header makes no sense.",
                "It is damaged; export it again.",
            )
        stored = np.dtype(order + _TYPES[int(kind)])
        samples = _SAMPLES.get(int(kind), 1)
        steps = strides_of([*lengths[::-1], samples], stored.itemsize)[-2::-1]
        by_axis = dict(zip(_AXES, lengths, strict=False))
        strides = dict(zip(_AXES, steps, strict=False))
        axes = (*(axis for axis in "tuv" if axis in by_axis), "c", "z", "y", "x")
        _, x, y, z, *_ = field(layout.steps)
        unit = _unit(layout, *field(layout.units))
        slope, intercept = (*field(layout.scaling), 0)[:2]
        notes = []
        if unit is None:
            notes.append(f"It names no unit for its voxel size of {x:g} x {y:g} x {z:g}.")
        if slope not in (0, 1) or (slope == 1 and intercept != 0):
            notes.append(
                f"Its voxels are to be multiplied by {slope:g}, and {intercept:g} added; "
                "they are kept as they are stored."
            )
        is_alone = head.startswith(layout.marks[:1], layout.mark)
        file = path if is_alone else _voxels_of(path)
        with file.open("rb") as data:
            is_compressed = is_packed(data.read(3))
        info = ImageInfo(
            name="",
            axes=axes,
            shape=tuple(by_axis.get(axis, 1) for axis in axes),
            dtype=native(stored),
            is_rgb=samples > 1,
            voxel_size=believable(x, y, z, unit, depth=by_axis.get("z", 1)),
            voxel_size_source=f"the {layout.name} header",
            is_labels=(
                layout.name == "NIfTI"
                and field(layout.intent) == (_LABELS,)
                and native(stored).kind in "ui"
            ),
            notes=tuple(notes),
        )
        return MappedImage(
            self,
            path,
            0,
            info,
            file=file,
            offset=int(offset),
            stored=stored,
            strides=(*(strides.get(axis, 0) for axis in axes), *((1,) if samples > 1 else ())),
            stream_from=0 if is_compressed else None,
            files=(path,) if is_alone else (path, file),
        )


def _layout(head: bytes, path: Path) -> tuple[_Layout, str] | None:
    """The version's layout and the byte order, by the header's size and mark.

    Analyze has no mark: the name has to suit, and the number of bits the type.
    """
    layout = next((one for one in _NIFTI if head.startswith(one.marks, one.mark)), _ANALYZE)
    for order in "<>":
        if len(head) >= layout.size and struct.unpack_from(f"{order}i", head) == (layout.size,):
            if layout is not _ANALYZE:
                return layout, order
            kind, bits = struct.unpack_from(f"{order}2h", head, layout.type[1])
            stored = np.dtype(_TYPES.get(kind, "V"))
            is_named = path.name.lower().endswith((".hdr", ".hdr.gz"))
            if is_named and bits == 8 * stored.itemsize * _SAMPLES.get(kind, 1):
                return layout, order
    return None


def _unit(layout: _Layout, code: int | bytes) -> LengthUnit | None:
    if isinstance(code, int):
        return _UNITS.get(code & _UNIT_BITS)
    return _ANALYZE_UNITS.get(code.rstrip(b"\0 ").lower() or b"mm")


def _voxels_of(path: Path) -> Path:
    """The file beside a .hdr that has its voxels."""
    stem = path.name.removesuffix(".gz").removesuffix(".hdr")
    for name in (f"{stem}.img", f"{stem}.img.gz"):
        if (file := path.with_name(name)).is_file():
            return file
    raise UnreadableImage(
        path,
        f"Its voxels should be in '{stem}.img', which is not beside it.",
        "Bring both files in one folder.",
    )
