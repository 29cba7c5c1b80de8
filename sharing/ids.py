"""Primary keys that leave the house: 24 hexadecimal characters, as the public library expects."""

import re
import secrets

from django.core.validators import RegexValidator
from django.db import models

ID_PATTERN = re.compile(r"[0-9a-f]{24}")


def new_id() -> str:
    """A random id of 24 hexadecimal characters."""
    return secrets.token_hex(12)


class HexIdModel(models.Model):
    """A row whose key may stand in URLs and API answers."""

    id = models.CharField(
        primary_key=True,
        max_length=24,
        default=new_id,
        editable=False,
        validators=[RegexValidator(ID_PATTERN)],
    )

    class Meta:
        abstract = True
