"""Thumbnails of layers: a filled slice in good contrast, or a picture that says why there is none.

Kept through Django's storage API under the dataset's version, so that they are drawn once.
"""

import hashlib
import json
import logging

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image

from datasets.properties import view
from datasets.streaming.catalog import ServedDataset, ServedLayer, ServedMag
from datasets.streaming.presented import read_within
from datasets.voxels.array import Voxels
from datasets.voxels.box import Box
from datasets.voxels.errors import VoxelsError
from sharing.errors import ServiceError

from . import pictures

_FOLDER = "thumbnails"
_MAX_SLICE_BYTES = 64 * 2**20
# Squares up to this side, as pages and programs ask for, are kept; if each of the millions of sizes
# were, a visitor could fill the disk.
_LARGEST_KEPT_SIDE = 400
# Where to look for a filled slice, as parts of the layer's depth, after the default position.
_OTHER_DEPTHS = (1 / 2, 1 / 4, 3 / 4, 1 / 8, 3 / 8, 5 / 8, 7 / 8)

log = logging.getLogger(__name__)


def thumbnail(dataset: ServedDataset, layer: ServedLayer, size: tuple[int, int]) -> bytes:
    """A JPEG of the layer, `size` (width, height) pixels; in the usual sizes drawn once for each
    version and view.
    """
    name = f"{_folder(dataset)}/{_key(dataset, layer, size)}.jpg"
    if default_storage.exists(name):
        with default_storage.open(name) as file:
            data: bytes = file.read()
        return data
    try:
        data = pictures.as_jpeg(_drawn(dataset, layer, size))
    except (VoxelsError, ServiceError) as error:
        log.warning("No thumbnail of %s, %s: %s", dataset.row.pk, layer.properties.name, error)
        failed = pictures.message_picture(size, "can't be read", is_failure=True)
        return pictures.as_jpeg(failed)
    if size[0] == size[1] <= _LARGEST_KEPT_SIDE:
        default_storage.save(name, ContentFile(data))
    return data


def thumbnail_etag(dataset: ServedDataset, layer: ServedLayer, size: tuple[int, int]) -> str:
    """Changes when the thumbnail does."""
    return f"{dataset.version}-{_key(dataset, layer, size)}"


def clear_thumbnails(dataset_id: str) -> None:
    """Delete all thumbnails of a dataset; they are drawn anew when asked for."""
    folder = f"{_FOLDER}/{dataset_id}"
    if not default_storage.exists(folder):
        return
    for version in default_storage.listdir(folder)[0]:
        for name in default_storage.listdir(f"{folder}/{version}")[1]:
            default_storage.delete(f"{folder}/{version}/{name}")


def _folder(dataset: ServedDataset) -> str:
    return f"{_FOLDER}/{dataset.row.pk}/{dataset.version}"


def _key(dataset: ServedDataset, layer: ServedLayer, size: tuple[int, int]) -> str:
    shown = json.dumps([layer.properties.name, size, _view(dataset, layer)], sort_keys=True)
    return hashlib.sha256(shown.encode()).hexdigest()[:24]


def _view(dataset: ServedDataset, layer: ServedLayer) -> dict[str, object]:
    """What of the view configuration a thumbnail shows."""
    whole = dataset.remembered(
        "view",
        lambda: view.resolve(dataset.data_source, dataset.row.admin_view_configuration or {}, None),
    )
    shown = whole["layers"][layer.properties.name]
    return {"position": whole["position"], "color": shown["color"]}


def _drawn(dataset: ServedDataset, layer: ServedLayer, size: tuple[int, int]) -> Image.Image:
    empty = pictures.message_picture(size, "empty", is_failure=False)
    mag = _sufficient_mag(layer, size)
    if mag is None or not mag.box.volume:
        return empty
    shown = _view(dataset, layer)
    position = shown["position"]
    depth = position[2] // mag.properties.mag.z if isinstance(position, list) else None
    plane = _filled_slice(mag, depth)
    if plane is None:
        return empty
    if layer.properties.is_segmentation:
        picture = pictures.segmentation_picture(plane[..., 0])
    else:
        picture = pictures.color_picture(plane[..., 0], limits=None, color=shown["color"])  # type: ignore[arg-type]
    x, y, _ = (
        length * factor
        for length, factor in zip(
            dataset.data_source.voxel_size.factor, mag.properties.mag, strict=True
        )
    )
    return pictures.fitted(picture, size, aspect=x / y)


def _sufficient_mag(layer: ServedLayer, size: tuple[int, int]) -> ServedMag | None:
    """The coarsest mag that fills the picture in one direction, else the finest."""
    mags = list(layer.mags.values())
    for mag in reversed(mags):
        width, height, _ = mag.box.size
        if width >= size[0] or height >= size[1]:
            return mag
    return mags[0] if mags else None


def _filled_slice(mag: ServedMag, depth: int | None) -> Voxels | None:
    """A slice (c, x, y, 1) that is not all zero: at `depth` if that one is, else elsewhere.

    Of slices that are too large to be read whole, the middle.
    """
    array = mag.array()
    left, top, front = mag.box.offset
    width, height, slices = mag.box.size
    voxel_bytes = array.num_channels * array.dtype.itemsize
    while width * height * voxel_bytes > _MAX_SLICE_BYTES:
        left, width = (left + width // 4, width // 2) if width >= height else (left, width)
        top, height = (top + height // 4, height // 2) if height > width else (top, height)
    depths = [front + int(part * slices) for part in _OTHER_DEPTHS]
    if depth is not None and front <= depth < front + slices:
        depths.insert(0, depth)
    for z in dict.fromkeys(depths):
        voxels = read_within(array, mag.box, Box((left, top, z), (width, height, 1)))
        if voxels.any():
            return voxels
    return None
