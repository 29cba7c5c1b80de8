"""What the list's template needs: addresses that add or remove a tag, names and paths that fit."""

import re
from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()

_SHOWN_OF_PATH = 4
_AFTER_JOINT = re.compile(r"(?<=[_.-])")


@register.simple_tag(takes_context=True)
def with_tag(context: dict[str, Any], tag: str) -> str:
    """The query of this list, filtered by one more tag."""
    return _query(context, [*context["search"].tags, tag])


@register.simple_tag(takes_context=True)
def without_tag(context: dict[str, Any], tag: str) -> str:
    """The query of this list without the filter by `tag`."""
    return _query(context, [other for other in context["search"].tags if other != tag])


@register.filter
def breakable(name: str) -> SafeString:
    """The name, which a narrow column may break after each underscore, hyphen or point."""
    parts = ((part,) for part in _AFTER_JOINT.split(name))
    return format_html_join(SafeString("<wbr>"), "{}", parts)


@register.filter
def short_path(folders: Sequence[str]) -> str:
    """The path; of a long one the first two and the last two folders."""
    if len(folders) > _SHOWN_OF_PATH:
        folders = [*folders[:2], "…", *folders[-2:]]
    return " / ".join(folders)


def _query(context: dict[str, Any], tags: Sequence[str]) -> str:
    query = context["request"].GET.copy()
    query.setlist("tag", list(dict.fromkeys(tags)))
    query.pop("at", None)
    return f"?{query.urlencode()}"
