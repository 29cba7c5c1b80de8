"""Reads pictures of one slice: PNG, JPEG, BMP, and others that Pillow knows.

Pillow reads the headers. Of PNGs with 16 bits a colour it would make 8, so imagecodecs decodes PNG,
and JPEG, where it is faster. Dots per inch are no voxel size: nothing else is known of a picture.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from conversion.readers.errors import UnreadableImage
from conversion.readers.protocol import SPACE_AXES, Image, ImageInfo, Reader

# Pillow's own limit is too low for slices of 16k x 16k; ours (`limits.check`) looks at each file.
PIL.Image.MAX_IMAGE_PIXELS = None

_MAGICS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG2000",
    b"\xff\x4f\xff\x51": "JPEG2000",
    b"P4": "PPM",
    b"P5": "PPM",
    b"P6": "PPM",
    b"RIFF": "WEBP",
}
"""How files begin, and Pillow's names of their formats."""
_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)
_SINGLE = {"1": "uint8", "L": "uint8", "LA": "uint8", "I;16": "uint16", "I;16B": "uint16"}
_SINGLE |= {"I": "int32", "F": "float32"}
"""Pillow's modes of one number a pixel, and its type; pixels of all other modes become RGB."""
_ALPHA_MODES = ("LA", "PA", "RGBA")


@dataclass(frozen=True)
class _Pixels:
    """What a picture's pixels are; `mode` is what Pillow makes of them, empty for imagecodecs."""

    dtype: str
    is_rgb: bool
    mode: str = ""


class PictureReader(Reader):
    name = "picture"
    suffixes = (
        ".png",
        ".jpg",
        ".jpeg",
        ".bmp",
        ".gif",
        ".jp2",
        ".j2k",
        ".ppm",
        ".pgm",
        ".pbm",
        ".webp",
    )

    def sniff(self, head: bytes, path: Path) -> bool:
        return _format(head) is not None

    def open(self, path: Path) -> list[Image]:
        with path.open("rb") as file:
            head = file.read(64)
            file.seek(0)
            with PIL.Image.open(file, formats=[_format(head) or ""]) as picture:
                return [Picture(self, path, picture, _pixels(head, picture))]


class Picture(Image):
    """A file that is decoded as a whole for every reading; nothing stays open."""

    def __init__(
        self, reader: Reader, path: Path, picture: PIL.Image.Image, pixels: _Pixels
    ) -> None:
        info = ImageInfo(
            name="",
            axes=SPACE_AXES,
            shape=(1, 1, picture.height, picture.width),
            dtype=np.dtype(pixels.dtype),
            is_rgb=pixels.is_rgb,
            notes=_notes(picture),
        )
        super().__init__(reader, path, 0, info)
        self._format = picture.format
        self._mode = pixels.mode

    def _read_plane(self, index: Mapping[str, int], z: int, y: range, out: NDArray[Any]) -> None:
        voxels = self._decoded()
        is_rgb = self.info.is_rgb
        if voxels.ndim == 3:
            voxels = voxels[..., :3] if is_rgb else voxels[..., 0]
        if voxels.shape != self.info.slices_shape(1, self.info.length("y"))[1:]:
            raise UnreadableImage(
                self.path, "Its pixels are not what its header says.", "Export it again."
            )
        out[...] = voxels[y.start : y.stop]

    def _decoded(self) -> NDArray[Any]:
        """(y, x) or (y, x, samples), maybe with transparency."""
        if self._mode:
            return self._by_pillow()
        stored = self.path.read_bytes()
        voxels: NDArray[Any]
        if self._format == "PNG":
            voxels = imagecodecs.png_decode(stored)
        elif _has_end(stored):
            voxels = imagecodecs.jpeg8_decode(stored)
        else:  # imagecodecs would make missing rows gray; Pillow refuses them
            voxels = self._by_pillow()
        return voxels

    def _by_pillow(self) -> NDArray[Any]:
        with PIL.Image.open(self.path, formats=[self._format or ""]) as picture:
            mode = self._mode or picture.mode
            return np.asarray(picture if picture.mode == mode else picture.convert(mode))


def _has_end(jpeg: bytes) -> bool:
    """Whether the end is marked behind the first scan (ITU-T T.81, B.1.1 and B.2.1); a thumbnail in
    the header has an end of its own.
    """
    place = 2
    while jpeg[place : place + 1] == b"\xff":
        marker, length = jpeg[place + 1 : place + 2], jpeg[place + 2 : place + 4]
        if marker == b"\xda":
            return jpeg.rfind(b"\xff\xd9", place) >= 0
        place += 1 if marker == b"\xff" else 2 + int.from_bytes(length, "big")
    return False


def _format(head: bytes) -> str | None:
    found = next((name for magic, name in _MAGICS.items() if head.startswith(magic)), None)
    if found == "WEBP" and head[8:12] != b"WEBP":
        return None
    if found == "BMP" and int.from_bytes(head[14:18], "little") not in _BMP_HEADER_SIZES:
        return None
    return found


def _pixels(head: bytes, picture: PIL.Image.Image) -> _Pixels:
    mode = picture.mode
    if picture.format == "PNG":
        bits, color_type = head[24], head[25]  # of the IHDR chunk (PNG specification, 11.2.1)
        is_palette = color_type & 1
        if bits >= 8 and not is_palette:
            return _Pixels(f"uint{bits}", is_rgb=bool(color_type & 2))
    if picture.format == "JPEG" and mode in ("L", "RGB"):
        return _Pixels("uint8", is_rgb=mode == "RGB")
    if mode == "P" and _is_gray(picture.getpalette()):
        return _Pixels("uint8", is_rgb=False, mode="L")
    if mode in _SINGLE:
        return _Pixels(_SINGLE[mode], is_rgb=False, mode="L" if mode in ("1", "LA") else mode)
    return _Pixels("uint8", is_rgb=True, mode="RGB")


def _is_gray(palette: list[int] | None) -> bool:
    """Whether a colour table (red, green, blue, red, ...) holds grays only."""
    return palette is not None and palette[0::3] == palette[1::3] == palette[2::3]


def _notes(picture: PIL.Image.Image) -> tuple[str, ...]:
    notes = []
    if picture.mode in _ALPHA_MODES:
        notes.append("Its transparency is left out.")
    if picture.mode == "1":
        notes.append("It is black and white: the numbers 0 and 255.")
    if picture.mode == "CMYK":
        notes.append("Its colours are made for print (CMYK) and turned into red, green and blue.")
    if (frames := getattr(picture, "n_frames", 1)) > 1:
        notes.append(f"Only the first of its {frames} pictures is read.")
    return tuple(notes)
