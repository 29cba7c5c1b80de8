"""The lab: the border within which people, teams and datasets live."""

from django.core.validators import RegexValidator
from django.db import models


class Organization(models.Model):
    """A lab. Its id is also the name of its directory below binaryData, so it never changes."""

    id = models.CharField(
        primary_key=True,
        max_length=64,
        validators=[
            RegexValidator(
                r"^[A-Za-z0-9][A-Za-z0-9_\-]*$",
                "Use letters, digits, '_' and '-' only: the id is a directory's name too.",
            )
        ],
        help_text="Also the directory's name below binaryData. It can't be changed later.",
    )
    name = models.CharField(max_length=256)
    included_storage_bytes = models.BigIntegerField(
        null=True, blank=True, help_text="The quota in bytes; empty means unlimited."
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
