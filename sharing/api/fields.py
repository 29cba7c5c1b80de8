"""Fields that the API writes in its own way."""

from datetime import datetime

from rest_framework import serializers


class MillisecondsField(serializers.Field[datetime, int, int, datetime]):
    """A moment as whole milliseconds since 1970, read only."""

    def __init__(self, *, source: str | None = None) -> None:
        super().__init__(read_only=True, source=source)

    def to_representation(self, value: datetime) -> int:
        """Milliseconds since 1970-01-01, UTC."""
        return int(value.timestamp() * 1000)
