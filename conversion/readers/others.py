"""Reads what imageio reads beyond the formats that have readers of their own: the last resort.

These formats are rare and have no marks that tell them apart, so names do. imageio decodes a
picture as a whole. Formats for which it calls other programs (EPS, films) are left out.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from conversion.readers.errors import UnreadableImage
from conversion.readers.protocol import SPACE_AXES, Image, ImageInfo, Reader

_PLUGINS = {".spe": "SPE"}
"""The plugins of imageio that are not Pillow's, by the names of their files."""
_PILLOW = (
    *(".avif", ".dds", ".fits", ".fli", ".flc", ".icns", ".ico", ".msp", ".pcx", ".psd"),
    *(".qoi", ".ras", ".sgi", ".tga", ".xbm", ".xpm"),
)


class OtherReader(Reader):
    """Asked only where no other reader knows the file (registry.find)."""

    name = "rare picture"
    suffixes = (*_PLUGINS, *_PILLOW)

    def sniff(self, head: bytes, path: Path) -> bool:
        return bool(head) and path.name.lower().endswith(self.suffixes)

    def open(self, path: Path) -> list[Image]:
        with _opened(path) as file:
            properties = file.properties(index=0)
            count = file.properties(index=...).n_images or 1
        return [OtherImage(self, path, properties.shape, np.dtype(properties.dtype), count)]


class OtherImage(Image):
    """Pictures of one file, taken for slices; the file is open only while it is read."""

    def __init__(
        self, reader: Reader, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], count: int
    ) -> None:
        """`shape` is of a picture: (y, x) or (y, x, samples)."""
        if len(shape) == 3 and shape[0] == 1:  # a frame of a film has an axis for frames
            shape = shape[1:]
        if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 2, 3, 4)):
            raise UnreadableImage(
                path, f"It is no picture: its shape is {shape}.", "Convert it to TIFF."
            )
        samples = shape[2] if len(shape) == 3 else 1
        notes = []
        if samples in (2, 4):
            notes.append("Its transparency is left out.")
        if count > 1:
            notes.append(f"What its {count} pictures are is not said: taken for slices.")
        self._stored_shape = shape
        info = ImageInfo(
            name="",
            axes=SPACE_AXES,
            shape=(1, count, *shape[:2]),
            dtype=np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("="),
            is_rgb=samples > 2,
            notes=tuple(notes),
        )
        super().__init__(reader, path, 0, info)

    def _read_plane(self, index: Mapping[str, int], z: int, y: range, out: NDArray[Any]) -> None:
        with _opened(self.path) as file:
            picture = np.asarray(file.read(index=z))
        if picture.size != np.prod(self._stored_shape):
            raise UnreadableImage(
                self.path, "Its pictures differ in size.", "Convert it to one file a picture."
            )
        picture = picture.reshape(self._stored_shape)
        if picture.ndim == 3:
            picture = picture[..., :3] if self.info.is_rgb else picture[..., 0]
        if picture.dtype.kind == "b":
            picture = picture.astype(np.uint8) * 255
        out[...] = picture[y.start : y.stop]


def _opened(path: Path) -> Any:
    plugin: Any = _PLUGINS.get(path.suffix.lower(), "pillow")
    return iio.imopen(path, "r", plugin=plugin)
