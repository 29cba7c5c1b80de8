"""Reads Zeiss CZI through Zeiss' own library, which unpacks and joins the tiles of a plane."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from conversion.readers.errors import MissingLibrary, UnreadableImage, decoding
from conversion.readers.protocol import SPACE_AXES, Color, Image, ImageInfo, Reader
from conversion.readers.voxel_sizes import believable
from datasets.properties import LengthUnit, VoxelSize

_MARK = b"ZISRAWFILE"
_TYPES = {
    "Gray8": "u1", "Gray16": "u2", "Gray32Float": "f4",
    "Bgr24": "u1", "Bgr48": "u2", "Bgr96Float": "f4",
}  # fmt: skip
_NANOMETERS_PER_METER = 1e9
_COLOR = re.compile(r"#[0-9A-Fa-f]{2}([0-9A-Fa-f]{6})")
_FURTHER_AXES = "TRIHVB"
"""Time, rotation, illumination, phase, view and block, as the format calls them."""
Box = tuple[int, int, int, int]
"""x, y, width, height."""


class CZIReader(Reader):
    """One image for each scene, and for each type of voxels in it: grey or colour."""

    name = "CZI"
    suffixes = (".czi",)

    def sniff(self, head: bytes, path: Path) -> bool:
        return head.startswith(_MARK)

    def open(self, path: Path) -> list[Image]:
        document = _opened(path)
        with decoding(path, self.name):
            try:
                return list(self._images(path, document))
            finally:
                document.close()

    def _images(self, path: Path, document: Any) -> Iterator[Image]:
        metadata = ElementTree.fromstring(document.raw_metadata)  # noqa: S314 (expat has limits)
        types: dict[int, str] = dict(document.pixel_types)
        if unknown := sorted(set(types.values()) - _TYPES.keys()):
            raise UnreadableImage(
                path,
                f"Its voxels are of the type {unknown[0]}.",
                "Export them in ZEN as 8 or 16 bits.",
            )
        if not types:
            raise UnreadableImage(path, "It holds no image.", "Export it again with an image.")
        total = document.total_bounding_rectangle
        scenes: dict[int | None, Any] = {**document.scenes_bounding_rectangle} or {None: total}
        number = 0
        for scene, at in sorted(scenes.items(), key=lambda item: item[0] or 0):
            for pixel_type in dict.fromkeys(types.values()):
                channels = [channel for channel, type_ in types.items() if type_ == pixel_type]
                info, starts = _info(document, metadata, scene, (at.w, at.h), channels, pixel_type)
                box = (at.x, at.y, at.w, at.h)
                yield _Scene(self, path, number, info, scene, box, channels, starts)
                number += 1


class _Scene(Image):
    reads_bands = True

    def __init__(
        self,
        reader: Reader,
        path: Path,
        number: int,
        info: ImageInfo,
        scene: int | None,
        box: Box,
        channels: list[int],
        starts: dict[str, int],
    ) -> None:
        super().__init__(reader, path, number, info)
        self._scene, self._box, self._channels, self._starts = scene, box, channels, starts
        self._document: Any = None
        self._lock = Lock()

    def _read_plane(self, index: Mapping[str, int], z: int, y: range, out: NDArray[Any]) -> None:
        left, top, width, _ = self._box
        plane = {axis: start + index.get(axis.lower(), 0) for axis, start in self._starts.items()}
        plane |= {"C": self._channels[index["c"]], "Z": self._starts["Z"] + z}
        with self._lock, decoding(self.path, self.reader.name):
            if self._document is None:
                self._document = _opened(self.path)
            roi = (left, top + y.start, width, len(y))
            pixels = self._document.read(roi=roi, plane=plane, scene=self._scene)
            out[...] = pixels[..., 2::-1] if self.info.is_rgb else pixels[..., 0]

    def close(self) -> None:
        with self._lock:
            if self._document is not None:
                self._document.close()
                self._document = None


def _opened(path: Path) -> Any:
    try:
        from pylibCZIrw import czi
    except ImportError as error:
        raise MissingLibrary(path, "CZI", "czi") from error
    with decoding(path, "CZI"):
        return czi.CziReader(str(path))


def _info(
    document: Any,
    metadata: ElementTree.Element,
    scene: int | None,
    size: tuple[int, int],
    channels: list[int],
    pixel_type: str,
) -> tuple[ImageInfo, dict[str, int]]:
    """What a scene is, and the first index of Z and of each further axis."""
    bounds = {"Z": (0, 1), **document.total_bounding_box}
    starts = {axis: bounds[axis][0] for axis in ("Z", *_FURTHER_AXES) if axis in bounds}
    lengths = {axis: bounds[axis][1] - start for axis, start in starts.items()}
    depth = lengths["Z"]
    width, height = size
    if min(*lengths.values(), width, height) < 1:
        raise ValueError("an axis has no length")
    further = [axis for axis in _FURTHER_AXES if lengths.get(axis, 1) > 1]
    names, colors = _channels(metadata)
    is_rgb = pixel_type.startswith("Bgr")
    info = ImageInfo(
        name=_scene_name(metadata, scene, document),
        axes=(*(axis.lower() for axis in further), *SPACE_AXES),
        shape=(*(lengths[axis] for axis in further), len(channels), depth, height, width),
        dtype=np.dtype(_TYPES[pixel_type]),
        is_rgb=is_rgb,
        channel_names=_of(names, channels),
        channel_colors=() if is_rgb else _of(colors, channels),
        voxel_size=_voxel_size(metadata, depth),
        voxel_size_source="the CZI metadata",
    )
    return info, starts


def _of(values: list[Any], channels: list[int]) -> tuple[Any, ...]:
    """The channels' own of values that stand for all channels, or none where any says anything."""
    own = [values[channel] if channel < len(values) else None for channel in channels]
    return tuple(own) if all(value or value == (0, 0, 0) for value in own) else ()


def _channels(metadata: ElementTree.Element) -> tuple[list[str], list[Color | None]]:
    described = metadata.findall("Metadata/Information/Image/Dimensions/Channels/Channel")
    shown = metadata.findall("Metadata/DisplaySetting/Channels/Channel")
    names = [
        channel.get("Name") or (shown[place].get("Name") if place < len(shown) else "") or ""
        for place, channel in enumerate(described)
    ]
    return names, [_color(channel.findtext("Color")) for channel in shown]


def _color(text: str | None) -> Color | None:
    """Of "#AARRGGBB"."""
    found = _COLOR.fullmatch((text or "").strip())
    if found is None:
        return None
    red, green, blue = bytes.fromhex(found[1])
    return red, green, blue


def _scene_name(metadata: ElementTree.Element, scene: int | None, document: Any) -> str:
    if scene is None:
        return ""
    for element in metadata.iterfind("Metadata/Information/Image/Dimensions/S/Scenes/Scene"):
        if element.get("Index") == str(scene) and element.get("Name"):
            return element.get("Name", "")
    return f"Scene {scene + 1}" if len(document.scenes_bounding_rectangle) > 1 else ""


def _voxel_size(metadata: ElementTree.Element, depth: int) -> VoxelSize | None:
    """From the scaling, in metres; 0 stands for unknown."""
    lengths = {}
    for distance in metadata.iterfind("Metadata/Scaling/Items/Distance"):
        try:
            meters = float(distance.findtext("Value") or 0)
        except ValueError:
            continue
        lengths[distance.get("Id")] = round(meters * _NANOMETERS_PER_METER, 6)
    x, y, z = (lengths.get(axis) for axis in "XYZ")
    return believable(x, y, z, LengthUnit.NANOMETER, depth=depth)
