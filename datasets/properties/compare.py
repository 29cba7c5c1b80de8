"""Telling two data sources apart: at once by a hash, and in words that a person can read.

The spelling (legacy or modern), the order of keys and mags and the meaningless `id` do not count.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Literal, TypedDict

from datasets.properties.model import DataSource
from datasets.properties.record import JsonObject


class Change(TypedDict):
    """One detected difference. `path` is like `dataLayers.color.mags.2-2-1.path`: layers stand by
    name, mags by literal. `old` is null for what was added, `new` for what was removed.
    """

    change: Literal["added", "removed", "changed"]
    path: str
    old: Any
    new: Any


def content_hash(data_source: DataSource) -> str:
    """A hex digest that is equal for two data sources exactly if `difference` finds nothing."""
    return hashlib.sha256(_text(_comparable(data_source)).encode()).hexdigest()


def difference(old: DataSource, new: DataSource) -> list[Change]:
    """What `new` changes, as JSON-able data, sorted by path."""
    before, after = _comparable(old), _comparable(new)
    order_before, order_after = before.pop("layerOrder"), after.pop("layerOrder")
    changes = _changes(before, after, "")
    if order_before != order_after and set(order_before) == set(order_after):
        changes.append(_changed("layerOrder", order_before, order_after))
    return sorted(changes, key=lambda change: change["path"])


def _comparable(data_source: DataSource) -> JsonObject:
    document: JsonObject = _plain_numbers(data_source.to_json())
    document.pop("id", None)
    layers = document["dataLayers"]
    for layer, properties in zip(layers, data_source.layers, strict=True):
        layer["mags"] = _keyed((mag.mag.literal for mag in properties.mags), layer["mags"])
    document["dataLayers"] = _keyed((layer.name for layer in data_source.layers), layers)
    document["layerOrder"] = list(document["dataLayers"])
    return document


def _keyed(keys: Iterable[str], values: Iterable[Any]) -> dict[str, Any]:
    """The values by key; a repeated key, which only an invalid data source has, gets a number."""
    keyed: dict[str, Any] = {}
    for key, value in zip(keys, values, strict=True):
        unique, number = key, 1
        while unique in keyed:
            number += 1
            unique = f"{key} ({number})"
        keyed[unique] = value
    return keyed


def _plain_numbers(value: Any) -> Any:
    """1.0 and 1 are one number in JSON."""
    match value:
        case dict():
            return {key: _plain_numbers(item) for key, item in value.items()}
        case list():
            return [_plain_numbers(item) for item in value]
        case float() if value.is_integer():
            return int(value)
    return value


def _changes(old: JsonObject, new: JsonObject, prefix: str) -> list[Change]:
    changes: list[Change] = []
    for key in old.keys() | new.keys():
        path = f"{prefix}{key}"
        if key not in old:
            changes.append({"change": "added", "path": path, "old": None, "new": new[key]})
        elif key not in new:
            changes.append({"change": "removed", "path": path, "old": old[key], "new": None})
        elif isinstance(old[key], dict) and isinstance(new[key], dict):
            changes += _changes(old[key], new[key], f"{path}.")
        elif _text(old[key]) != _text(new[key]):
            changes.append(_changed(path, old[key], new[key]))
    return changes


def _changed(path: str, old: Any, new: Any) -> Change:
    return {"change": "changed", "path": path, "old": old, "new": new}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))
