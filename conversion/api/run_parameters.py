"""The query parameters with which jobs on a dataset are asked for, checked where they enter."""

import json
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from conversion.pipeline.mags import Sampling
from conversion.pipeline.zarr_array import CHUNK_SHAPE, COARSER_SHARD_SHAPE
from conversion.pipeline.zstd import ZstdProfile
from conversion.services.exporting import LARGEST_COORDINATE
from datasets.properties import BoundingBox, DataFormat, Mag, Vec3Int

# ruff: noqa: N815 - the API's names are camelCase


@extend_schema_field({"type": "string", "example": "2-2-1"})
class MagField(serializers.Field[Mag, str, str, Mag]):
    """A mag such as `2` or `2-2-1`."""

    def to_internal_value(self, data: str) -> Mag:
        """The mag that a text names."""
        try:
            return Mag.parse(data)
        except ValueError as error:
            raise serializers.ValidationError(
                f"{data!r} is no mag. Write a number such as 2, or three such as 2-2-1."
            ) from error


def _numbers(text: str, count: int) -> list[int]:
    """So many whole numbers with commas between; raises ValidationError."""
    parts = text.split(",")
    try:
        numbers = [int(part) for part in parts if len(part) <= 20]
    except ValueError:
        numbers = []
    if len(numbers) != count or len(parts) != count:
        raise serializers.ValidationError(f"Write {count} whole numbers with commas between.")
    if any(abs(number) > LARGEST_COORDINATE for number in numbers):
        raise serializers.ValidationError("A number is too large.")
    return numbers


@extend_schema_field({"type": "string", "example": "0,0,0,512,512,64"})
class BoxField(serializers.Field[BoundingBox, str, str, BoundingBox]):
    """A box `x,y,z,width,height,depth` in voxels of mag 1."""

    def to_internal_value(self, data: str) -> BoundingBox:
        """The box that a text names."""
        x, y, z, width, height, depth = _numbers(data, 6)
        if min(width, height, depth) < 1:
            raise serializers.ValidationError("The box is empty: its sizes must be 1 at least.")
        return BoundingBox.of((x, y, z), (width, height, depth))


@extend_schema_field({"type": "string", "example": "32,32,32"})
class ShapeField(serializers.Field[Vec3Int, str, str, Vec3Int]):
    """A shape `x,y,z` in voxels."""

    def to_internal_value(self, data: str) -> Vec3Int:
        """The shape that a text names."""
        x, y, z = _numbers(data, 3)
        return x, y, z


@extend_schema_field({"type": "string", "example": '[{"name": "t", "value": 3}]'})
class CoordinatesField(serializers.Field[dict[str, int], str, str, dict[str, int]]):
    """Indices on additional axes, as JSON: `[{"name":"t","value":3}]`."""

    def to_internal_value(self, data: str) -> dict[str, int]:
        """The index by the axis' name."""
        try:
            found: Any = json.loads(data)
            indices = {entry["name"]: entry["value"] for entry in found}
        except (ValueError, LookupError, TypeError, RecursionError):
            indices = {0: 0}
        if not all(isinstance(a, str) and type(i) is int for a, i in indices.items()):
            raise serializers.ValidationError('Write JSON such as [{"name":"t","value":3}].')
        return indices


class _LayerParameters(serializers.Serializer[None]):
    layerName = serializers.CharField(required=False)


class ExportParameters(_LayerParameters):
    """What to export; `layerName` may be absent where there is one layer only."""

    bbox = BoxField(help_text="x,y,z,width,height,depth in voxels of mag 1.")
    mag = MagField(required=False, help_text="The finest by default.")
    additionalCoordinates = CoordinatesField(
        required=False, help_text="One index on each additional axis that has several."
    )
    asOmeTiff = serializers.BooleanField(required=False, default=False)


class SegmentIdParameters(serializers.Serializer[None]):
    """Where to look for segment ids."""

    layerName = serializers.CharField()


class MissingMagsParameters(_LayerParameters):
    """Which mags to add; all layers by default."""

    coarsestMag = MagField(required=False, help_text="Where to stop; by default near 100 pixels.")
    samplingMode = serializers.ChoiceField(
        [mode.value for mode in Sampling], default=Sampling.ANISOTROPIC.value
    )


class ChangeFormatParameters(_LayerParameters):
    """How to store the voxels; all layers by default."""

    dataFormat = serializers.ChoiceField(
        [DataFormat.ZARR3.value, DataFormat.WKW.value], default=DataFormat.ZARR3.value
    )
    chunkShape = ShapeField(default=CHUNK_SHAPE, help_text="x,y,z; of zarr3 only.")
    shardShape = ShapeField(default=COARSER_SHARD_SHAPE, help_text="x,y,z; of zarr3 only.")
    profile = serializers.ChoiceField(
        [profile.value for profile in ZstdProfile], default=ZstdProfile.TUNED.value
    )
