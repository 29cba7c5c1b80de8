"""A column for whole numbers that exceed a database's integers, such as 64-bit segment ids.

It is text in the database: SQLite rounds decimals to 15 digits, and its integers end at 2^63-1.
"""

from typing import TYPE_CHECKING, Any

from django import forms
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    _Field = models.Field[int | None, int | None]
else:
    _Field = models.Field  # not generic at run time


class WideIntegerField(_Field):
    """A whole number of up to 20 digits. It can be tested for equality, but not be sorted by."""

    DIGITS = 20

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = self.DIGITS
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """What migrations write down; the length is not a choice."""
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_length"]
        return name, path, list(args), dict(kwargs)

    def get_internal_type(self) -> str:
        """Stored as text."""
        return "CharField"

    def to_python(self, value: Any) -> int | None:
        """The number behind what a form or a fixture says."""
        return None if value in (None, "") else int(value)

    def from_db_value(
        self, value: str | None, expression: Any, connection: BaseDatabaseWrapper
    ) -> int | None:
        """The number behind the stored text."""
        return self.to_python(value)

    def get_prep_value(self, value: Any) -> str | None:
        """The text to store."""
        number = self.to_python(value)
        return None if number is None else str(number)

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        """Forms ask for a whole number."""
        return super().formfield(
            **{"form_class": forms.IntegerField, "max_value": 10**self.DIGITS - 1, **kwargs}
        )
