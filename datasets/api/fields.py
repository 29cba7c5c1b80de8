"""Mags, voxel sizes and names as clients send them, checked where they enter."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from pydantic import ValidationError
from rest_framework import serializers
from rest_framework.request import Request

from datasets.properties import CoordinateTransformation, Mag, VoxelSize
from datasets.properties.files import check_storable
from datasets.services.data_source_parts import ATTACHMENT_KINDS
from sharing.api.fields import TextField


def checked(serializer: type[serializers.Serializer[None]], request: Request) -> dict[str, Any]:
    """The body of the request as the serializer takes it; raises its ValidationError."""
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    given: dict[str, Any] = body.validated_data
    return given


@extend_schema_field(
    {
        "oneOf": [
            {"type": "integer", "minimum": 1},
            {
                "type": "array",
                "items": {"type": "integer", "minimum": 1},
                "minItems": 3,
                "maxItems": 3,
            },
        ],
        "example": [2, 2, 1],
    }
)
class MagField(serializers.Field[Mag, Any, str, Mag]):
    """A mag: three whole numbers, x, y, z, or one that stands for all three."""

    def to_internal_value(self, data: Any) -> Mag:
        """The mag in any of its spellings."""
        try:
            return Mag.parse(data)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error


@extend_schema_field({"type": "object", "example": {"factor": [11, 11, 24], "unit": "nanometer"}})
class VoxelSizeField(serializers.Field[VoxelSize, Any, Any, VoxelSize]):
    """`{"factor": [x, y, z], "unit": "nanometer"}`."""

    def to_internal_value(self, data: Any) -> VoxelSize:
        """The voxel size, each length above 0."""
        try:
            size = VoxelSize.model_validate(data)
        except ValidationError as error:
            raise serializers.ValidationError(
                'A voxel size is written as {"factor": [11, 11, 24], "unit": "nanometer"}.'
            ) from error
        if not all(0 < length < float("inf") for length in size.factor):
            raise serializers.ValidationError("A voxel's lengths are finite and above 0.")
        return size


@extend_schema_field(OpenApiTypes.OBJECT)
class TransformationField(
    serializers.Field[CoordinateTransformation, Any, Any, CoordinateTransformation]
):
    """A transformation, as datasource-properties.json writes it."""

    def to_internal_value(self, data: Any) -> CoordinateTransformation:
        """The transformation, each number finite."""
        try:
            transformation = CoordinateTransformation.model_validate(data)
        except ValidationError as error:
            raise serializers.ValidationError(
                "A transformation is affine, with `matrix`, or a thin_plate_spline, with "
                "`correspondences`."
            ) from error
        try:
            check_storable(transformation.to_json())
        except ValueError as error:
            raise serializers.ValidationError(f"A transformation can't be used: {error}.") from None
        return transformation


@extend_schema_field({"type": "string", "enum": list(ATTACHMENT_KINDS)})
class AttachmentTypeField(TextField):
    """A kind of attachment, in the API's words; services.data_source_parts refuses others."""


class NameField(TextField):
    """A layer's or attachment's name, taken as it is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, max_length=255, **options)
