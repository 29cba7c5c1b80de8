"""The hash and the readable difference of two data sources."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from datasets.properties import content_hash, difference, parse

Document = dict[str, Any]


def document() -> Document:
    def layer(name: str) -> Document:
        return {
            "name": name,
            "category": "color",
            "boundingBox": {"topLeft": [0, 0, 0], "width": 8, "height": 8, "depth": 8},
            "elementClass": "uint8",
            "dataFormat": "zarr3",
            "mags": [{"mag": [1, 1, 1]}, {"mag": [2, 2, 1], "path": "color/2-2-1"}],
            "defaultViewConfiguration": {"color": [255, 0, 0]},
        }

    return {"scale": [11, 11, 24], "dataLayers": [layer("color"), layer("other")]}


def changed(change: Callable[[Document], object]) -> Document:
    new = document()
    change(new)
    return new


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(scale={"unit": "nm", "factor": [11.0, 11, 24.0]}),
        lambda d: d.update(id={"name": "another", "team": "directory"}),
        lambda d: d["dataLayers"][0]["mags"].reverse(),
        lambda d: d["dataLayers"][0].update(mags=[{"mag": 1}, d["dataLayers"][0]["mags"][1]]),
        lambda d: d["dataLayers"][0].update(attachments=None, numChannels=None),
        lambda d: d["dataLayers"][0].update(dict(reversed(d["dataLayers"][0].items()))),
        lambda d: d["dataLayers"][0]["defaultViewConfiguration"].update(color=[255.0, 0, 0]),
    ],
)
def test_another_spelling_is_no_difference(change: Callable[[Document], object]) -> None:
    old, new = parse(document()), parse(changed(change))
    assert content_hash(old) == content_hash(new)
    assert difference(old, new) == []


@pytest.mark.parametrize(
    ("change", "path", "kind", "old", "new"),
    [
        (
            lambda d: d["dataLayers"][0]["boundingBox"].update(width=9),
            "dataLayers.color.boundingBox.width",
            "changed",
            8,
            9,
        ),
        (
            lambda d: d.update(scale=[11, 11, 25]),
            "scale.factor",
            "changed",
            [11, 11, 24],
            [11, 11, 25],
        ),
        (
            lambda d: d["dataLayers"][1]["mags"][1].update(path="elsewhere"),
            "dataLayers.other.mags.2-2-1.path",
            "changed",
            "color/2-2-1",
            "elsewhere",
        ),
        (
            lambda d: d["dataLayers"][1]["mags"].append({"mag": 4}),
            "dataLayers.other.mags.4",
            "added",
            None,
            {"mag": [4, 4, 4]},
        ),
        (
            lambda d: d["dataLayers"][1]["mags"].pop(0),
            "dataLayers.other.mags.1",
            "removed",
            {"mag": [1, 1, 1]},
            None,
        ),
        (lambda d: d.update(note=1), "note", "added", None, 1),
        (
            lambda d: d["dataLayers"][0]["defaultViewConfiguration"].update(color=True),
            "dataLayers.color.defaultViewConfiguration.color",
            "changed",
            [255, 0, 0],
            True,
        ),
        (
            lambda d: d["dataLayers"].reverse(),
            "layerOrder",
            "changed",
            ["color", "other"],
            ["other", "color"],
        ),
    ],
)
def test_a_change_is_told_by_its_path(
    change: Callable[[Document], object], path: str, kind: str, old: Any, new: Any
) -> None:
    before, after = parse(document()), parse(changed(change))
    assert difference(before, after) == [{"change": kind, "path": path, "old": old, "new": new}]
    assert content_hash(before) != content_hash(after)


def test_added_and_removed_layers_are_told_by_name_and_not_by_place() -> None:
    new = document()
    del new["dataLayers"][0]
    third = copy.deepcopy(new["dataLayers"][0]) | {"name": "third"}
    new["dataLayers"].insert(0, third)
    changes = difference(parse(document()), parse(new))
    assert [(c["change"], c["path"]) for c in changes] == [
        ("removed", "dataLayers.color"),
        ("added", "dataLayers.third"),
    ]
    assert changes[1]["new"]["boundingBox"]["width"] == 8
    json.dumps(changes)


def test_one_and_true_are_different_values() -> None:
    assert len(difference(parse(document() | {"x": 1}), parse(document() | {"x": True}))) == 1
