"""How much an image may claim to be, held against what its files can hold, before any allocation.

Every image is checked when it is made (`Image.__init__`), so no reader has to think of it. A header
costs a forger a few bytes; believing it would cost terabytes.
"""

import math
from typing import TYPE_CHECKING

from conversion.readers.errors import UnreadableImage
from sharing.sizes import readable_size

if TYPE_CHECKING:
    from conversion.readers.protocol import Image

LARGEST_RATIO = 20_000
"""Voxel bytes to file bytes; deflate ends at 1,032, Zstandard of one value at about this."""
ALWAYS_BYTES = 1 << 28
"""Small enough to be decoded whatever the ratio is: a blank slice may be stored as nothing."""
LARGEST_WHOLE_SLICE_BYTES = 2 << 30
"""Of a slice that can't be read in bands; the sandbox needs about twice as much."""
LARGEST_SIDE = 1 << 31
LARGEST_SLICES = 1 << 24
"""Over all channels, times and further axes."""


def check(image: "Image") -> None:
    """Raise UnreadableImage for an image larger than its files can hold, or than we can read."""
    info = image.info
    stored = sum(file.stat().st_size for file in image.files)
    *further, rows, columns = info.shape
    slice_bytes = rows * columns * info.dtype.itemsize * (3 if info.is_rgb else 1)
    slices = math.prod(further)
    voxel_bytes = slice_bytes * slices
    if voxel_bytes > max(stored * LARGEST_RATIO, ALWAYS_BYTES):
        raise UnreadableImage(
            image.path,
            f"It claims to hold {readable_size(voxel_bytes)} of voxels in {readable_size(stored)}.",
            "The file is incomplete or damaged; export it again.",
        )
    if max(rows, columns) > LARGEST_SIDE or slices > LARGEST_SLICES:
        raise UnreadableImage(
            image.path,
            f"It claims to be {columns} x {rows} voxels in {slices} slices, more than can be read.",
            "Export it in parts.",
        )
    if slice_bytes > LARGEST_WHOLE_SLICE_BYTES and not image.reads_bands:
        raise UnreadableImage(
            image.path,
            f"A slice has {readable_size(slice_bytes)} and can only be decoded as a whole.",
            "Export it as a tiled TIFF, which can be read in parts.",
        )
