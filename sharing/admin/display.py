"""How values look in the admin: links between rows, JSON, sizes, states."""

import json
from datetime import datetime
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

NOTHING = "–"  # noqa: RUF001 (a dash is what a reader expects of an empty cell)


def link_to(row: Model | None, text: object = None) -> SafeString | str:
    """A link to the row's page in the admin, or a dash where there is no row."""
    if row is None:
        return NOTHING
    meta = row._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', address, row if text is None else text)


def list_link(model: type[Model], text: object, **filters: object) -> SafeString:
    """A link to a table's list, narrowed by `filters`."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return format_html('<a href="{}?{}">{}</a>', address, query, text)


def badge(kind: str, text: object) -> SafeString:
    """A short word about a state; `kind` is good, busy, bad or off."""
    return format_html('<span class="badge badge-{}">{}</span>', kind, text)


def moment(at: datetime | None, never: str = NOTHING) -> SafeString | str:
    """How long ago something was; the exact time stands in its title."""
    if at is None:
        return never
    is_now = abs((timezone.now() - at).total_seconds()) < 60
    text = "just now" if is_now else f"{timesince(at).split(',')[0]} ago"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        f"{at:%Y-%m-%d %H:%M:%S %Z}",
        text,
    )


def json_block(value: Any) -> SafeString | str:
    """JSON as a person reads it."""
    if value in (None, {}, []):
        return NOTHING
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return format_html('<pre class="block">{}</pre>', text)
