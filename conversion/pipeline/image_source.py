"""The voxels of a layer that come from an image, or from one of its channels."""

from collections.abc import Mapping

import numpy as np

from conversion.pipeline.mag_writer import Slab
from conversion.pipeline.sources import Source
from conversion.readers import Image


class ImageSource(Source):
    """A channel of an image; of colours red, green and blue together, or one of them."""

    def __init__(self, image: Image, *, channel: int = 0, sample: int | None = None) -> None:
        """`sample` picks red (0), green or blue of an image that is RGB."""
        info = image.info
        self.shape = (info.length("x"), info.length("y"), info.length("z"))
        self.dtype = info.dtype
        self.num_channels = 3 if info.is_rgb and sample is None else 1
        self.files = image.files
        self.origin = f"image {image.number}, channel {channel}"
        if sample is not None:
            self.origin += f", sample {sample}"
        self.reads_bands = image.reads_bands
        self._image = image
        self._channel = channel
        self._sample = sample

    def read(self, index: Mapping[str, int], z: range, y: range, out: Slab) -> None:
        place = {**index, "c": self._channel}
        if not self._image.info.is_rgb:
            self._image.read(place, z, y=y, out=out[0])
            return
        colors = self._image.read(place, z, y=y)
        if self._sample is None:
            np.copyto(out, np.moveaxis(colors, -1, 0))
        else:
            np.copyto(out[0], colors[..., self._sample])

    def close(self) -> None:
        self._image.close()
