"""Raw boxes of voxels: the cuboid and bucket requests of WEBKNOSSOS, and where there is data.

Bodies are raw little-endian voxels, x fastest but for the channels, which lie side by side.
"""

import json
from typing import Annotated

import numpy as np
from django.conf import settings
from pydantic import Field, TypeAdapter, ValidationError

from datasets.properties import Mag, Vec3Int
from datasets.streaming.answers import Answer, json_answer
from datasets.streaming.catalog import ServedDataset, ServedLayer, ServedMag
from datasets.streaming.parameters import Parameters, invalid, parsed, requested_mag
from datasets.streaming.presented import read_within
from datasets.streaming.requests import DataRequest
from datasets.streaming.sampling import coarsest, sampled
from datasets.voxels.array import Voxels
from datasets.voxels.box import Box
from sharing.errors import Invalid

_MAX_BODY_BYTES = 2**20
_BOXES_PER_AXIS_TO_FIND = 6


# Beyond any volume; what is larger is a mistake, and too long to tell of.
_Position = Annotated[int, Field(ge=-(2**53), le=2**53)]
_Length = Annotated[int, Field(gt=0, le=2**31)]
_MOST_BUCKETS = 4096


class _Cuboid(Parameters):
    x: _Position
    y: _Position
    z: _Position
    width: _Length
    height: _Length
    depth: _Length
    mag: str = "1"
    half_byte: bool = False
    mapping_name: str = ""


class _Coordinate(Parameters):
    name: str
    value: _Position


class _Bucket(Parameters):
    position: tuple[_Position, _Position, _Position]
    mag: tuple[_Length, _Length, _Length]
    cube_size: _Length = 32
    four_bit: bool = False
    apply_agglomerate: str | None = None
    additional_coordinates: list[_Coordinate] | None = None


_Buckets = TypeAdapter(Annotated[list[_Bucket], Field(max_length=_MOST_BUCKETS)])


def cuboid(request: DataRequest, dataset: ServedDataset, layer: ServedLayer) -> Answer:
    """GET: one box; its corner is in voxels of mag 1, its size in voxels of `mag`."""
    query = parsed(_Cuboid, request.query)
    _refuse_mapping(query.mapping_name)
    mag = requested_mag(layer, query.mag)
    box = _box(mag, (query.x, query.y, query.z), (query.width, query.height, query.depth))
    voxels = read_within(mag.array(), mag.box, box, max_bytes=settings.MAX_READ_BYTES)
    return Answer(
        _as_bytes(voxels, four_bit=query.half_byte),
        etag=dataset.version,
        # The public library wants exactly this: gaps are filled with zeros.
        headers=(("MISSING-BUCKETS", "[]"),),
    )


def buckets(request: DataRequest, layer: ServedLayer) -> Answer:
    """POST: several cubes one after the other; those without data are left out and named."""
    body = request.body(_MAX_BODY_BYTES)
    if len(body) > _MAX_BODY_BYTES:
        raise Invalid("That is a list of too many buckets: ask for fewer at once.")
    try:
        wanted = _Buckets.validate_json(body)
    except ValidationError as error:
        raise invalid(error) from None
    mags = [layer.mag(Mag(*bucket.mag).literal) for bucket in wanted]
    parts, missing, left = [], [], settings.MAX_READ_BYTES
    for number, (mag, bucket) in enumerate(zip(mags, wanted, strict=True)):
        _refuse_mapping(bucket.apply_agglomerate or "")
        voxels = _read_bucket(mag, bucket, max_bytes=left)
        left -= voxels.nbytes
        if voxels.any():
            parts.append(_as_bytes(voxels, four_bit=bucket.four_bit))
        else:
            missing.append(number)
    return Answer(b"".join(parts), headers=(("MISSING-BUCKETS", json.dumps(missing)),))


def find_data(layer: ServedLayer) -> Answer:
    """GET: a voxel that is not zero, near the middle where there is one; null where none is seen.

    Positions are in voxels of mag 1. Very large and sparse layers are looked at in samples.
    """
    mag = coarsest(layer)
    if mag is not None:
        for box, voxels in sampled(mag, _BOXES_PER_AXIS_TO_FIND):
            filled = np.argwhere(voxels.any(axis=0))
            if len(filled):
                middle = filled[np.abs(filled - np.array(box.size) // 2).sum(axis=1).argmin()]
                factors = mag.properties.mag
                position = [
                    (offset + int(index)) * factor
                    for offset, index, factor in zip(box.offset, middle, factors, strict=True)
                ]
                return json_answer(
                    {"position": position, "mag": list(factors), "resolution": list(factors)}
                )
    return json_answer({"position": None, "mag": None, "resolution": None})


def _read_bucket(mag: ServedMag, bucket: _Bucket, *, max_bytes: int) -> Voxels:
    array = mag.array()
    box = _box(mag, bucket.position, (bucket.cube_size,) * 3)
    additional = {axis.name: 0 for axis in array.additional_axes}
    for coordinate in bucket.additional_coordinates or []:
        if coordinate.name not in additional:
            raise Invalid(f"The layer has no additional axis '{coordinate.name}'.")
        additional[coordinate.name] = coordinate.value
    return read_within(array, mag.box, box, additional=additional, max_bytes=max_bytes)


def _box(mag: ServedMag, corner: Vec3Int, size: Vec3Int) -> Box:
    x, y, z = (low // factor for low, factor in zip(corner, mag.properties.mag, strict=True))
    return Box((x, y, z), size)


def _as_bytes(voxels: Voxels, *, four_bit: bool) -> bytes:
    data = voxels.tobytes(order="F")
    if not four_bit:
        return data
    if voxels.dtype.itemsize != 1:
        raise Invalid("Only layers of 8-bit voxels can be sent with 4 bits a voxel.")
    high = np.frombuffer(data, "u1") & 0xF0
    if len(high) % 2:
        high = np.append(high, np.uint8(0))
    packed: bytes = (high[::2] | (high[1::2] >> 4)).tobytes()
    return packed


def _refuse_mapping(name: str) -> None:
    if name:
        raise Invalid(f"The mapping '{name}' can't be applied here; ask for the plain segment ids.")
