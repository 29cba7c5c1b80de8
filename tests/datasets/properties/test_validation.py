"""Each way in which a readable data source is unusable, and the sentence that says so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasets.properties import parse, path_problem, problems, read

Document = dict[str, Any]


def good() -> Document:
    def layer(name: str, category: str, element_class: str) -> Document:
        return {
            "name": name,
            "category": category,
            "boundingBox": {"topLeft": [0, 0, 0], "width": 8, "height": 8, "depth": 8},
            "elementClass": element_class,
            "dataFormat": "zarr3",
            "mags": [{"mag": 1}, {"mag": [2, 2, 1]}, {"mag": [4, 4, 4]}],
        }

    layers = [layer("color", "color", "uint8"), layer("cells", "segmentation", "uint16")]
    return {"scale": [1, 1, 1], "dataLayers": layers}


def in_layer(index: int, **changes: Any) -> Callable[[Document], None]:
    return lambda document: document["dataLayers"][index].update(changes)


def in_document(**changes: Any) -> Callable[[Document], None]:
    return lambda document: document.update(changes)


def mesh(name: str) -> Document:
    return {"name": name, "path": f"cells/{name}", "dataFormat": "hdf5"}


AXES = [{"name": "t", "bounds": [0, 7], "index": 1}]
ORDER = {"c": 0, "t": 1, "z": 2, "y": 3, "x": 4}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (in_document(scale=[1, 0, 1]), ["voxel size 1, 0, 1", "above 0"]),
        (in_document(scale=[1, 1e308, 1]), ["voxel size 1, 1e+308, 1", "at most 1e+12"]),
        (in_document(scale=[1, -2.5, 1]), ["voxel size 1, -2.5, 1", "above 0"]),
        (in_document(dataLayers=[]), ["no layer", "add"]),
        (in_layer(1, name="color"), ["'color'", "its own name"]),
        (in_layer(0, name="a/b"), ["'a/b'", "rename"]),
        (in_layer(0, name=".hidden"), ["'.hidden'", "rename"]),
        (in_layer(0, name=""), ["empty name", "name it"]),
        (
            in_layer(0, boundingBox={"topLeft": [0, 0, 0], "width": 8, "height": 0, "depth": 8}),
            ["'color'", "empty bounding box", "8, 0, 8"],
        ),
        (
            in_layer(0, boundingBox={"topLeft": [0, 0, 0], "width": -1, "height": 1, "depth": 8}),
            ["'color'", "empty bounding box", "-1, 1, 8"],
        ),
        (in_layer(1, elementClass="float"), ["'cells'", "float", "whole numbers"]),
        (in_layer(1, elementClass="double"), ["'cells'", "double", "whole numbers"]),
        (in_layer(0, numChannels=0), ["'color'", "0 channels"]),
        (in_layer(1, largestSegmentId=-1), ["'cells'", "negative largestSegmentId -1"]),
        (in_layer(1, largestSegmentId=65536), ["'cells'", "65536", "at most 65535"]),
        (in_layer(0, mags=[{"mag": 1}, {"mag": 1}]), ["'color'", "mag 1 more than once"]),
        (
            in_layer(0, mags=[{"mag": [2, 2, 1]}, {"mag": [1, 1, 4]}]),
            ["'color'", "2-2-1", "1-1-4", "neither"],
        ),
        (
            in_layer(0, mags=[{"mag": [2, 1, 1]}, {"mag": [1, 2, 1]}]),
            ["'color'", "1-2-1", "2-1-1", "neither"],
        ),
        (in_layer(1, attachments={"meshes": [mesh("m"), mesh("m")]}), ["'cells'", "meshes", "'m'"]),
        (in_layer(0, additionalAxes=AXES), ["'color'", "axisOrder"]),
        (
            in_layer(
                0,
                additionalAxes=[{"name": "t", "bounds": [3, 3], "index": 1}],
                mags=[{"mag": 1, "axisOrder": ORDER}],
            ),
            ["'color'", "'t'", "bounds 3 and 3"],
        ),
        (
            in_layer(0, mags=[{"mag": 1, "axisOrder": {"x": 0, "y": 0}}]),
            ["'color'", "mag 1", "axisOrder"],
        ),
    ],
)
def test_each_fault_is_told_in_one_sentence(
    change: Callable[[Document], None], words: list[str]
) -> None:
    document = good()
    change(document)
    (sentence,) = problems(parse(document))
    for word in words:
        assert word in sentence
    assert sentence.endswith(".")


def test_all_faults_are_told_at_once() -> None:
    document = good()
    document["scale"] = [0, 0, 0]
    document["dataLayers"][0].update(name="a/b", mags=[{"mag": 1}, {"mag": 1}])
    document["dataLayers"][1].update(elementClass="float")
    assert len(problems(parse(document))) == 4


def test_a_good_data_source_has_no_problems() -> None:
    document = good()
    document["dataLayers"][1]["largestSegmentId"] = 65535
    document["dataLayers"][1]["attachments"] = {"meshes": [mesh("m")], "agglomerates": [mesh("m")]}
    document["dataLayers"][0].update(
        additionalAxes=AXES, mags=[{"mag": 1, "axisOrder": ORDER}, {"mag": 2, "axisOrder": ORDER}]
    )
    assert problems(parse(document)) == []


def test_a_layer_may_be_announced_before_its_first_mag() -> None:
    document = good()
    empty = {"topLeft": [0, 0, 0], "width": 0, "height": 0, "depth": 0}
    document["dataLayers"][0].update(mags=[], boundingBox=empty)
    assert problems(parse(document)) == []


def test_a_segmentation_of_64_bits_may_use_them_all() -> None:
    document = good()
    document["dataLayers"][1].update(elementClass="uint64", largestSegmentId=2**64 - 1)
    assert problems(parse(document)) == []


def test_the_real_samples_are_valid(samples: Path) -> None:
    for file in samples.rglob("datasource-properties.json"):
        assert problems(read(file)) == []


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("", "empty"),
        ("/etc/passwd", "absolute"),
        ("//host/share", "absolute"),
        ("../other/color", "'..'"),
        ("color/../../other", "'..'"),
        ("color/..", "'..'"),
        ("color\0/1", "NUL"),
        ("s3://bucket/key", "URI"),
        ("https://example.org/x", "URI"),
        ("file:/etc/passwd", "URI"),
        ("GS://bucket", "URI"),
    ],
)
def test_a_path_from_outside_stays_inside_the_dataset(path: str, word: str) -> None:
    sentence = path_problem(path)
    assert sentence is not None
    assert word in sentence


@pytest.mark.parametrize("path", ["color/1", "./color/2-2-1", "a..b/...", "färbe/1", ".", "2:3/1"])
def test_a_path_inside_the_dataset_is_accepted(path: str) -> None:
    assert path_problem(path) is None
