"""One slice of a layer as a picture: /data/datasets/<dataset>/layers/<layer>/thumbnail.jpg."""

from typing import Annotated

from pydantic import Field

from datasets.services import pictures
from datasets.streaming.answers import Answer
from datasets.streaming.catalog import ServedDataset, ServedLayer
from datasets.streaming.parameters import Parameters, parsed, requested_mag
from datasets.streaming.presented import read_within
from datasets.streaming.requests import DataRequest
from datasets.voxels.box import Box

_Length = Annotated[int, Field(ge=1, le=4096)]


class _Slice(Parameters):
    x: int
    y: int
    z: int
    width: _Length
    height: _Length
    mag: str = "1"
    intensity_min: float | None = None
    intensity_max: float | None = None
    color: Annotated[str, Field(pattern=r"^#?[0-9a-fA-F]{6}$")] = "ffffff"
    invert_color: bool = False


def slice_picture(request: DataRequest, dataset: ServedDataset, layer: ServedLayer) -> Answer:
    """The slice z from the corner x, y (voxels of mag 1), `width` x `height` voxels of `mag`."""
    query = parsed(_Slice, request.query)
    mag = requested_mag(layer, query.mag)
    x, y, z = (
        corner // factor
        for corner, factor in zip((query.x, query.y, query.z), mag.properties.mag, strict=True)
    )
    plane = read_within(mag.array(), mag.box, Box((x, y, z), (query.width, query.height, 1)))
    if not plane.any():
        picture = pictures.message_picture((query.width, query.height), "empty", is_failure=False)
    elif layer.properties.is_segmentation:
        picture = pictures.segmentation_picture(plane[..., 0])
    else:
        low, high = query.intensity_min, query.intensity_max
        limits = None if low is None or high is None else (low, high)
        red, green, blue = bytes.fromhex(query.color.removeprefix("#"))
        if query.invert_color and limits is None:
            limits = pictures.percentile_limits(plane)
        if query.invert_color and limits is not None:
            limits = (limits[1], limits[0])
        picture = pictures.color_picture(plane[..., 0], limits=limits, color=(red, green, blue))
    return Answer(pictures.as_jpeg(picture), content_type="image/jpeg", etag=dataset.version)
