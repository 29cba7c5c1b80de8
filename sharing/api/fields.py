"""Fields that the API writes in its own way."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


@extend_schema_field(OpenApiTypes.INT64)
class MillisecondsField(serializers.Field[datetime, int, int, datetime]):
    """A moment as whole milliseconds since 1970, read only."""

    def __init__(self, *, source: str | None = None, allow_null: bool = False) -> None:
        super().__init__(read_only=True, source=source, allow_null=allow_null)

    def to_representation(self, value: datetime) -> int:
        """Milliseconds since 1970-01-01, UTC."""
        return (value - datetime.fromtimestamp(0, tz=UTC)) // timedelta(milliseconds=1)


class TextField(serializers.CharField):
    """A text that clients send: a JSON string, where DRF's own field also takes numbers."""

    def to_internal_value(self, data: Any) -> str:
        """The text."""
        if not isinstance(data, str):
            raise serializers.ValidationError(
                f"A text is expected, between quotation marks, and this is {json.dumps(data)[:40]}."
            )
        return super().to_internal_value(data)
