"""Which layers get a colour by themselves: those that could not be told apart in white."""

from typing import Any

from datasets.properties import DataSource, parse, resolve
from datasets.properties.colors import default_colors


def layer(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "category": "color",
        "boundingBox": {"topLeft": [0, 0, 0], "width": 9, "height": 9, "depth": 9},
        "elementClass": "uint8",
        "dataFormat": "zarr3",
        "mags": [{"mag": 1}],
        **changes,
    }


def source(*layers: dict[str, Any]) -> DataSource:
    return parse({"scale": [1, 1, 1], "dataLayers": list(layers)})


def view(**values: Any) -> dict[str, Any]:
    return {"defaultViewConfiguration": values}


def coloured(*layers: dict[str, Any], saved: dict[str, Any] | None = None) -> set[str]:
    return set(default_colors(source(*layers), saved or {}))


def test_one_layer_stays_white_whatever_lies_over_it() -> None:
    cells = layer("cells", category="segmentation", elementClass="uint32")
    photo = layer("photo", elementClass="uint24")
    assert coloured(layer("em")) == set()
    assert coloured(layer("em"), cells, photo) == set()
    assert coloured(layer("em"), layer("raw", **view(isDisabled=True))) == set()


def test_several_layers_and_channels_all_differ() -> None:
    many = source(*(layer(f"stain {i}") for i in range(30)), layer("multi", numChannels=10))
    colors = [color for channels in default_colors(many, {}).values() for color in channels]
    assert len(set(colors)) == len(colors) == 40
    assert default_colors(many, {}) == default_colors(many, {})


def test_a_colour_that_somebody_chose_is_left_alone() -> None:
    green = view(color=[0, 255, 0])
    assert coloured(layer("a"), layer("b"), layer("c", **green)) == {"a", "b"}
    assert coloured(layer("a"), layer("b", **green)) == set()
    white = {"layers": {"a": {"color": [255, 255, 255]}}}
    assert coloured(layer("a"), layer("b"), layer("c"), saved=white) == {"b", "c"}


def test_several_channels_in_white_are_each_in_their_own_colour() -> None:
    assert coloured(layer("a", numChannels=2, **view(color=[255, 255, 255]))) == {"a"}
    assert coloured(layer("a", numChannels=2, **view(color=[255, 0, 0]))) == set()


def test_the_view_configuration_itself_stays_white() -> None:
    layers = resolve(source(layer("a"), layer("b")), {}, None)["layers"]
    assert [shown["color"] for shown in layers.values()] == [[255, 255, 255]] * 2
