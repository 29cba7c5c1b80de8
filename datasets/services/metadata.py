"""The metadata that people keep with a dataset or folder: a list of `{key, type, value}`."""

import math
from typing import Any

from datasets.properties.files import check_storable
from sharing.errors import Invalid

JsonObject = dict[str, Any]

MOST_ENTRIES = 1000
LONGEST_KEY = 256
TYPES = ("string", "number", "string[]")


def checked(entries: list[JsonObject]) -> list[JsonObject]:
    """The entries, with nothing but what belongs there. Raises Invalid with every problem."""
    if len(entries) > MOST_ENTRIES:
        raise Invalid(f"Metadata has at most {MOST_ENTRIES} entries; these are {len(entries)}.")
    problems: list[str] = []
    seen: set[str] = set()
    cleaned = []
    for entry in entries:
        key = str(entry["key"]).strip()
        problem = _problem(key, entry["type"], entry["value"])
        if problem is None and key in seen:
            problem = f"The metadata key '{key}' stands there twice; give each its own key."
        if problem is not None:
            problems.append(problem)
        seen.add(key)
        cleaned.append({"key": key, "type": entry["type"], "value": entry["value"]})
    if problems:
        raise Invalid(*problems)
    return cleaned


def _problem(key: str, type_: object, value: object) -> str | None:
    if not key:
        return "A metadata entry has an empty key; name it or remove it."
    if len(key) > LONGEST_KEY:
        return f"The metadata key '{key[:32]}…' has more than {LONGEST_KEY} characters; shorten it."
    if type_ not in TYPES:
        return f"The metadata of '{key}' has the type {type_!r}; use {', '.join(TYPES)}."
    if not _fits(type_, value):
        return f"The metadata of '{key}' is said to be a {type_}, but its value is something else."
    try:
        check_storable({key: value})
    except ValueError as error:
        return f"The metadata of '{key[:32]}' can't be kept: {error}."
    return None


def _fits(type_: object, value: object) -> bool:
    if type_ == "string":
        return isinstance(value, str)
    if type_ == "number":
        return type(value) is int or (isinstance(value, float) and math.isfinite(value))
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
