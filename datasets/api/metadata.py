"""The metadata of datasets and folders in the words of the HTTP API."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from datasets.services.metadata import TYPES
from sharing.api.fields import TextField


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string"},
            {"type": "number"},
            {"type": "array", "items": {"type": "string"}},
        ]
    }
)
class MetadataValueField(serializers.Field[Any, Any, Any, Any]):
    """A text, a number, or a list of texts; datasets.services.metadata tells them apart."""

    def to_internal_value(self, data: Any) -> Any:
        """As it came."""
        return data

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value


class MetadataEntrySerializer(serializers.Serializer[dict[str, Any]]):
    """One key of the metadata, with its value, which is of the type that it says."""

    key = TextField(trim_whitespace=False, allow_blank=True)
    type = serializers.ChoiceField(TYPES)
    value = MetadataValueField()
