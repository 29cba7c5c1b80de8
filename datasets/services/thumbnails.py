"""Thumbnails of datasets and layers: drawn once for each version and view, then kept.

Kept through Django's storage API. At most AT_ONCE are drawn at a time in each process: whoever asks
for another is told to come back, so that pictures of slow disks don't take all of a site's threads.
"""

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from datasets.models import Dataset
from datasets.streaming.catalog import ServedDataset, ServedLayer
from datasets.voxels.errors import VoxelsError
from sharing.errors import ServiceError

from . import drawing, pictures

AT_ONCE = 2
PATIENCE_SECONDS = 0.5
_FOLDER = "thumbnails"
# Squares up to this side, as pages and programs ask for, are kept; if each of the millions of sizes
# were, a visitor could fill the disk.
_LARGEST_KEPT_SIDE = 400
_END_OF_JPEG = b"\xff\xd9"

Size = tuple[int, int]
log = logging.getLogger(__name__)
_places = threading.BoundedSemaphore(AT_ONCE)


class Busy(ServiceError):
    """As many thumbnails as may be are being drawn."""

    status = 503


@dataclass(frozen=True)
class Thumbnail:
    """A JPEG. `etag` changes when the picture does; it is empty for one that nobody may keep,
    because something could not be read.
    """

    data: bytes
    etag: str = ""


def dataset_thumbnail(dataset: ServedDataset, size: Size) -> Thumbnail:
    """The whole dataset, `size` (width, height) pixels; raises Busy."""
    shown = [drawing.view_of(dataset), drawing.colors_of(dataset)]
    return _kept_or_drawn(dataset, "", size, shown, lambda: drawing.dataset_picture(dataset, size))


def layer_thumbnail(dataset: ServedDataset, layer: ServedLayer, size: Size) -> Thumbnail:
    """One of its layers, `size` (width, height) pixels; raises Busy."""
    view, name = drawing.view_of(dataset), layer.properties.name
    shown = [view["position"], view["layers"][name], drawing.colors_of(dataset).get(name)]
    return _kept_or_drawn(
        dataset, name, size, shown, lambda: drawing.layer_picture(dataset, layer, size)
    )


def look_of(dataset: Dataset) -> str:
    """What stands in the address of the dataset's thumbnail, which never changes there: it is
    another one after every change of voxels or of the default view. Needs the rows of its layers.
    """
    views = [
        dataset.default_view_configuration,
        dataset.admin_view_configuration,
        *(
            [layer.name, layer.default_view_configuration, layer.admin_view_configuration]
            for layer in dataset.layers.all()
        ),
    ]
    return f"{dataset.version}-{_digest(views)}"


def clear_thumbnails(dataset_id: str) -> None:
    """Delete all thumbnails of a dataset; they are drawn anew when asked for."""
    folder = f"{_FOLDER}/{dataset_id}"
    if not default_storage.exists(folder):
        return
    for version in default_storage.listdir(folder)[0]:
        for name in default_storage.listdir(f"{folder}/{version}")[1]:
            default_storage.delete(f"{folder}/{version}/{name}")


def _kept_or_drawn(
    dataset: ServedDataset,
    layer_name: str,
    size: Size,
    shown: object,
    draw: Callable[[], drawing.Drawn],
) -> Thumbnail:
    key = _digest([layer_name, size, shown])
    name = f"{_FOLDER}/{dataset.row.pk}/{dataset.version}/{key}.jpg"
    etag = f"{dataset.version}-{key}"
    data = _kept(name)
    if data is not None:
        return Thumbnail(data, etag)
    with _place():
        data = _kept(name)  # somebody else may have drawn it meanwhile
        if data is not None:
            return Thumbnail(data, etag)
        try:
            drawn = draw()
        except (VoxelsError, ServiceError) as error:
            log.warning("No thumbnail of %s, '%s': %s", dataset.row.pk, layer_name, error)
            failed = pictures.message_picture(size, "can't be read", is_failure=True)
            return Thumbnail(pictures.as_jpeg(failed))
        data = pictures.as_jpeg(drawn.picture)
        if not drawn.is_whole:
            return Thumbnail(data)
        if size[0] == size[1] <= _LARGEST_KEPT_SIDE:
            default_storage.save(name, ContentFile(data))
    return Thumbnail(data, etag)


def _kept(name: str) -> bytes | None:
    """The file as it was saved; None where there is none, or one that a crash has cut short."""
    try:
        with default_storage.open(name) as file:
            data: bytes = file.read()
    except FileNotFoundError:
        return None
    if data.endswith(_END_OF_JPEG):
        return data
    default_storage.delete(name)
    return None


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(timeout=PATIENCE_SECONDS):
        raise Busy("Other thumbnails are being drawn. Ask again in a second.")
    try:
        yield
    finally:
        _places.release()


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:24]
