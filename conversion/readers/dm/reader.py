"""Makes images of the tags of a DM3 or DM4 file."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from conversion.readers.dm.tags import Group, Stored, Tag, TagTree, read_tree, text
from conversion.readers.errors import UnreadableImage
from conversion.readers.mapped import MappedImage, native, strides_of
from conversion.readers.protocol import Image, ImageInfo, Reader
from conversion.readers.voxel_sizes import believable
from datasets.properties import VoxelSize, parse_unit

_TYPES = {
    1: "i2", 2: "f4", 6: "u1", 7: "i4", 9: "i1", 10: "u2", 11: "u4", 12: "f8", 14: "u1", 23: "u4",
}  # fmt: skip
"""The data types that are voxels, by their number in the file; 14 is yes or no, 23 colour."""
_RGB = 23
_REFUSED = {3: "complex numbers", 13: "complex numbers", 5: "packed complex numbers"}
_REFUSED |= {27: "packed complex numbers", 28: "packed complex numbers", 8: "an outdated RGB type"}
_MOST_AXES = 5


class DigitalMicrographReader(Reader):
    """Gatan's files: every image in them but the thumbnail, voxel size and unit from calibration.

    The third axis is z, or t where its unit is a second; axes after that are u and v.
    """

    name = "Digital Micrograph"
    suffixes = (".dm3", ".dm4")

    def sniff(self, head: bytes, path: Path) -> bool:
        order = {b"\0\0\0\3": head[8:12], b"\0\0\0\4": head[12:16]}.get(head[:4])
        return order in (b"\0\0\0\0", b"\0\0\0\1")

    def open(self, path: Path) -> list[Image]:
        tree = read_tree(path)
        images: list[Image] = []
        reasons = []
        for name, data in _image_data(tree.root, path):
            try:
                images.append(self._image(path, len(images), name, data, tree))
            except UnreadableImage as unreadable:
                reasons.append(unreadable)
        if not images:
            raise next(iter(reasons), None) or UnreadableImage(
                path, "It holds no image.", "Export it again with an image."
            )
        for reason in reasons:
            note = f"An image of this file was left out. {reason.what}"
            info = images[0].info
            images[0].info = replace(info, notes=(*info.notes, note))
        return images

    def _image(self, path: Path, number: int, name: str, data: Group, tree: TagTree) -> Image:
        voxels, kind = data.get("Data"), data.get("DataType")
        if not isinstance(kind, int) or kind not in _TYPES:
            held = _REFUSED.get(kind, "") if isinstance(kind, int) else ""
            raise UnreadableImage(
                path,
                f"Its voxels are {held or f'of an unknown type ({kind})'}.",
                "Export the magnitude or a real-valued image from Digital Micrograph.",
            )
        lengths = [length for length in _listed(data.get("Dimensions")) if isinstance(length, int)]
        if not isinstance(voxels, Stored) or not 2 <= len(lengths) <= _MOST_AXES:
            raise UnreadableImage(
                path,
                f"It holds data of {len(lengths)} axes, a spectrum or a line maybe.",
                "Export an image of 2 to 5 axes.",
            )
        stored = np.dtype(tree.byte_order + _TYPES[kind])
        is_rgb = kind == _RGB
        if min(lengths) < 1 or np.prod(lengths, dtype=object) * stored.itemsize > voxels.size:
            raise UnreadableImage(
                path,
                f"Its {' x '.join(map(str, lengths))} voxels do not fit into their data.",
                "The file is damaged; export it again.",
            )
        calibration = _Calibration(path, data, len(lengths))
        strides = dict(
            zip(calibration.axes, strides_of(lengths[::-1], stored.itemsize)[::-1], strict=True)
        )
        sizes = dict(zip(calibration.axes, lengths, strict=True))
        axes = (*[axis for axis in "tvu" if axis in sizes], "c", "z", "y", "x")
        depth = sizes.get("z", 1)
        info = ImageInfo(
            name=name,
            axes=axes,
            shape=tuple(sizes.get(axis, 1) for axis in axes),
            dtype=np.dtype(np.uint8) if is_rgb else native(stored),
            is_rgb=is_rgb,
            voxel_size=calibration.voxel_size(depth),
            voxel_size_source="the Digital Micrograph calibration",
            notes=tuple(calibration.notes(depth)),
        )
        offset = voxels.offset
        # A colour is one number of 32 bits: alpha, red, green, blue, from its highest byte on.
        samples = ((-1,) if tree.byte_order == "<" else (1,)) if is_rgb else ()
        offset += (2 if tree.byte_order == "<" else 1) if is_rgb else 0
        return MappedImage(
            self,
            path,
            number,
            info,
            file=path,
            offset=offset,
            stored=np.dtype(np.uint8) if is_rgb else stored,
            strides=(*(strides.get(axis, 0) for axis in axes), *samples),
        )


class _Calibration:
    """What the axes of an image are, the fastest first, and how long a step on them is."""

    def __init__(self, path: Path, data: Group, count: int) -> None:
        groups = _listed(_group(_group(data, "Calibrations"), "Dimension"))
        self._scales: list[tuple[float | None, str]] = []
        for _, group in zip(range(count), chain(groups, repeat(None)), strict=False):
            tags = group if isinstance(group, dict) else {}
            scale = tags.get("Scale")
            length = abs(float(scale)) if isinstance(scale, int | float) else None
            self._scales.append((length, text(path, tags.get("Units"))))
        third = "t" if count > 2 and self._scales[2][1] in ("s", "ms") else "z"
        self.axes: tuple[str, ...] = ("x", "y", third, "u", "v")[:count]

    def voxel_size(self, depth: int) -> VoxelSize | None:
        (x, unit), y, *further = self._scales
        z = further[0] if depth > 1 else None
        return believable(x, _in_unit(y, unit), z and _in_unit(z, unit), unit, depth=depth)

    def notes(self, depth: int) -> Iterator[str]:
        unit = self._scales[0][1]
        if self.voxel_size(depth) is None and unit:
            told = ", ".join(
                f"{axis} {length:g} {unit or 'without unit'}"
                for axis, (length, unit) in zip(self.axes, self._scales, strict=True)
                if length is not None
            )
            yield f"Its calibration is no voxel size: {told}."


def _in_unit(scale: tuple[float | None, str], unit: str) -> float | None:
    """A length with its unit in another unit; None where one of them is no length."""
    length, own = scale
    if length is None or own == unit:
        return length
    try:
        return length * parse_unit(own).nanometers / parse_unit(unit).nanometers
    except ValueError:
        return None


def _image_data(root: Group, path: Path) -> Iterator[tuple[str, Group]]:
    """The name and data of each image that is not a thumbnail of another."""
    thumbnails = {
        thumbnail.get("ImageIndex")
        for thumbnail in _listed(root.get("Thumbnails"))
        if isinstance(thumbnail, dict)
    }
    for number, image in enumerate(_listed(root.get("ImageList"))):
        data = _group(image, "ImageData")
        if number not in thumbnails and "Data" in data and isinstance(image, dict):
            yield text(path, image.get("Name")), data


def _group(of: Tag | None, label: str) -> Group:
    group = of.get(label) if isinstance(of, dict) else None
    return group if isinstance(group, dict) else {}


def _listed(group: Tag | None) -> list[Tag]:
    """The tags without a label of a group, in order."""
    return list(group.values()) if isinstance(group, dict) else []
