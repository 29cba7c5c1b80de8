"""The view configuration that a person meets: defaults, precedence, and what is ignored."""

from typing import Any

import pytest

from datasets.properties import DataSource, clean, default_position, parse, resolve

Document = dict[str, Any]


def layer(name: str = "color", top_left: tuple[int, int, int] = (0, 0, 0), **changes: Any) -> Any:
    known = {
        "name": name,
        "category": "color",
        "boundingBox": {"topLeft": list(top_left), "width": 100, "height": 50, "depth": 11},
        "elementClass": "uint8",
        "dataFormat": "zarr3",
        "mags": [{"mag": 1}],
    }
    return known | changes


def source(*layers: Document, **changes: Any) -> DataSource:
    return parse({"scale": [1, 1, 1], "dataLayers": list(layers)} | changes)


def segmentation(**changes: Any) -> Any:
    return layer("cells", category="segmentation", elementClass="uint32", **changes)


def test_everything_has_a_sensible_default() -> None:
    assert resolve(source(layer(), segmentation()), {}, None) == {
        "fourBit": False,
        "interpolation": False,
        "renderMissingDataBlack": False,
        "loadingStrategy": "PROGRESSIVE_QUALITY",
        "segmentationPatternOpacity": 40,
        "blendMode": "Additive",
        "colorLayerOrder": ["color"],
        "selectiveSegmentVisibility": False,
        "nativelyRenderedLayerName": None,
        "zoom": None,
        "position": [50, 25, 5],
        "rotation": None,
        "layers": {
            "color": {
                "color": [255, 255, 255],
                "alpha": 100,
                "gammaCorrectionValue": 1,
                "intensityRange": [0, 255],
                "min": None,
                "max": None,
                "isDisabled": False,
                "isInverted": False,
                "isInEditMode": False,
                "mapping": None,
            },
            "cells": {
                "color": [255, 255, 255],
                "alpha": 20,
                "gammaCorrectionValue": 1,
                "intensityRange": None,
                "min": None,
                "max": None,
                "isDisabled": False,
                "isInverted": False,
                "isInEditMode": False,
                "mapping": None,
            },
        },
    }


@pytest.mark.parametrize(
    ("element_class", "expected"),
    [
        ("uint8", [0, 255]),
        ("uint24", [0, 255]),
        ("uint16", [0, 65535]),
        ("uint32", [0, 4294967295]),
        ("int8", [-128, 127]),
        ("int16", [-32768, 32767]),
        ("int32", [-2147483648, 2147483647]),
        ("float", [-(2.0**127), 2.0**127]),
        ("double", [-1.7976931348623157e308, 1.7976931348623157e308]),
    ],
)
def test_the_intensity_range_is_that_of_the_element_class(
    element_class: str, expected: list[float]
) -> None:
    view = resolve(source(layer(elementClass=element_class)), {}, None)
    assert view["layers"]["color"]["intensityRange"] == expected


@pytest.mark.parametrize(
    ("given", "zoom", "alpha"),
    [
        ((), None, 100),
        (("file",), 1, 10),
        (("file", "file's layer"), 1, 20),
        (("file", "file's layer", "saved on layer"), 1, 30),
        (("file", "file's layer", "saved on layer", "saved"), 2, 40),
        (("file", "file's layer", "saved on layer", "saved", "user"), 3, 50),
        (("file", "user"), 3, 50),
        (("saved on layer",), None, 30),
        (("file's layer", "saved"), 2, 40),
    ],
)
def test_the_stronger_configuration_wins(
    given: tuple[str, ...], zoom: int | None, alpha: int
) -> None:
    def if_given(name: str, configuration: Document) -> Document:
        return configuration if name in given else {}

    data_source = source(
        layer(
            defaultViewConfiguration=if_given("file's layer", {"alpha": 20}),
            adminViewConfiguration=if_given("saved on layer", {"alpha": 30}),
        ),
        defaultViewConfiguration=if_given("file", {"zoom": 1, "layers": {"color": {"alpha": 10}}}),
    )
    saved = if_given("saved", {"zoom": 2, "layers": {"color": {"alpha": 40}}})
    user = {"zoom": 3, "layers": {"color": {"alpha": 50}}} if "user" in given else None
    view = resolve(data_source, saved, user)
    assert (view["zoom"], view["layers"]["color"]["alpha"]) == (zoom, alpha)


def test_a_stronger_configuration_only_overrides_the_keys_that_it_names() -> None:
    view = resolve(
        source(layer(defaultViewConfiguration={"color": [255, 0, 0], "alpha": 10})),
        {"position": [1, 2, 3], "layers": {"color": {"alpha": 60}}},
        {"interpolation": True},
    )
    assert (view["position"], view["interpolation"]) == ([1, 2, 3], True)
    assert view["layers"]["color"]["color"] == [255, 0, 0]
    assert view["layers"]["color"]["alpha"] == 60


def test_null_is_no_choice_except_where_it_means_none() -> None:
    saved = {
        "zoom": 2,
        "position": [1, 2, 3],
        "layers": {"color": {"mapping": {"name": "m", "type": "JSON"}}},
    }
    user = {"zoom": None, "position": None, "layers": {"color": {"mapping": None}}}
    view = resolve(source(layer()), saved, user)
    assert (view["zoom"], view["position"]) == (2, [1, 2, 3])
    assert view["layers"]["color"]["mapping"] is None


@pytest.mark.parametrize(
    "value",
    [
        {"zoom": 0},
        {"zoom": "1"},
        {"zoom": True},
        {"zoom": float("nan")},
        {"position": [1, 2]},
        {"position": "centre"},
        {"interpolation": "yes"},
        {"interpolation": 1},
        {"loadingStrategy": "FASTEST"},
        {"blendMode": "additive"},
        {"segmentationPatternOpacity": 101},
        {"layers": []},
        {"layers": {"color": 5}},
        {"layers": {"color": {"alpha": -1}}},
        {"layers": {"color": {"color": [256, 0, 0]}}},
        {"layers": {"color": {"color": [1, 2, 3, 4]}}},
        {"layers": {"color": {"gammaCorrectionValue": 11}}},
        {"layers": {"color": {"intensityRange": [10, 1]}}},
        {"layers": {"color": {"intensityRange": [0, float("inf")]}}},
        {"layers": {"color": {"isDisabled": None}}},
        {"layers": {"color": {"mapping": "name"}}},
        {"unknown": 1},
        {"layers": {"color": {"shader": "void main() {}"}}},
        {"layers": {"vanished": {"alpha": 1}}},
        {"nativelyRenderedLayerName": "vanished"},
        {"colorLayerOrder": ["vanished"]},
        {"colorLayerOrder": "color"},
    ],
)
def test_what_is_unknown_or_invalid_counts_as_absent(value: Document) -> None:
    data_source = source(layer())
    assert resolve(data_source, value, value) == resolve(data_source, {}, None)


def test_an_invalid_value_does_not_hide_a_valid_weaker_one() -> None:
    assert resolve(source(layer()), {"zoom": 2}, {"zoom": -1})["zoom"] == 2


def test_new_color_layers_join_a_saved_order_and_segmentations_do_not() -> None:
    data_source = source(layer("a"), layer("b"), layer("c"), segmentation())
    view = resolve(data_source, {"colorLayerOrder": ["c", "cells", "a", "c"]}, None)
    assert view["colorLayerOrder"] == ["c", "a", "b"]


def test_the_position_is_the_centre_of_what_all_layers_share() -> None:
    assert default_position(source(layer(), layer("b", (50, 0, 0)))) == [75, 25, 5]


def test_without_anything_shared_the_position_is_the_centre_of_the_first_layer() -> None:
    assert default_position(source(layer(), layer("b", (500, 0, 0)))) == [50, 25, 5]


def test_layers_without_voxels_have_no_say_in_the_position() -> None:
    empty = layer(
        "b", mags=[], boundingBox={"topLeft": [0, 0, 0], "width": 0, "height": 0, "depth": 0}
    )
    assert default_position(source(empty, layer())) == [50, 25, 5]
    assert default_position(source(empty)) is None


def test_cleaning_keeps_only_what_was_chosen() -> None:
    chosen = {"zoom": 1.5, "nonsense": 1, "layers": {"color": {"alpha": 50, "nonsense": 1}, "b": 3}}
    assert clean(chosen) == {"zoom": 1.5, "layers": {"color": {"alpha": 50}}}
