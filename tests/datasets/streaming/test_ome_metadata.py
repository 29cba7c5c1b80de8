"""OME-NGFF metadata: valid by its own schema, and every mag lies where its voxels are."""

import json

import pytest
import yaozarrs
from yaozarrs import v05

from datasets.properties import DataSource
from datasets.streaming.ome_metadata import ome_attributes
from tests.datasets.streaming.conftest import forget
from tests.datasets.streaming.streamed_data import LAYER, make_streamed


def source(**layer) -> DataSource:
    return DataSource.model_validate(
        {
            "scale": {"factor": [11.24, 11.24, 25.0], "unit": "nanometer"},
            "dataLayers": [
                {
                    "name": "em",
                    "category": "color",
                    "elementClass": "uint8",
                    "dataFormat": "wkw",
                    "boundingBox": {"topLeft": [3, 8, 5], "width": 50, "height": 60, "depth": 7},
                    "mags": [{"mag": [4, 4, 2]}, {"mag": [1, 1, 1]}, {"mag": [2, 2, 1]}],
                    **layer,
                }
            ],
        }
    )


def attributes(data_source: DataSource, channels: int = 1, axes: tuple[str, ...] = ()) -> dict:
    (layer,) = data_source.layers
    return ome_attributes(
        data_source,
        layer,
        mags=sorted(entry.mag for entry in layer.mags),
        additional_axes=axes,
        num_channels=channels,
        admin_view={},
    )


def placements(ome: dict) -> dict[str, tuple[list[float], list[float]]]:
    """The scale and the translation of every mag, as z, y, x."""
    return {
        entry["path"]: tuple(
            next(iter(t[k] for k in ("scale", "translation") if k in t))[-3:]
            for t in entry["coordinateTransformations"]
        )
        for entry in ome["multiscales"][0]["datasets"]
    }


def test_a_voxel_of_mag_1_lies_at_its_position_times_the_voxel_size():
    scale, translation = placements(attributes(source()))["1"]
    assert scale == [25.0, 11.24, 11.24]
    assert translation == pytest.approx([5 * 25.0, 8 * 11.24, 3 * 11.24])


def test_all_mags_cover_the_same_space_as_neuroglancer_sees_them():
    """Neuroglancer takes away half a voxel of each mag to get from its centre to its corner."""
    corners = {}
    for mag, (scale, translation) in placements(attributes(source())).items():
        corners[mag] = [t - s / 2 for s, t in zip(scale, translation, strict=True)]
    voxel, first = (25.0, 11.24, 11.24), (5, 8, 3)
    for mag, factors in (("1", (1, 1, 1)), ("2-2-1", (1, 2, 2)), ("4-4-2", (2, 4, 4))):
        expected = [
            (low // factor * factor - 0.5) * length
            for low, factor, length in zip(first, factors, voxel, strict=True)
        ]
        assert corners[mag] == pytest.approx(expected)


def test_mags_are_listed_from_the_finest():
    assert list(placements(attributes(source()))) == ["1", "2-2-1", "4-4-2"]


@pytest.mark.parametrize(
    ("layer", "channels", "axes"),
    [
        ({}, 1, ()),
        ({"elementClass": "uint24", "numChannels": 3}, 3, ()),
        ({"elementClass": "uint16", "numChannels": 2}, 2, ("t",)),
        ({"elementClass": "double"}, 1, ()),
        ({"elementClass": "uint64", "category": "segmentation"}, 1, ()),
    ],
)
def test_metadata_is_valid_ome_ngff(layer, channels, axes):
    ome = attributes(source(**layer), channels, axes)
    assert v05.OMEAttributes.model_validate({"ome": json.loads(json.dumps(ome))})


def test_colors_and_windows_are_those_of_the_default_view():
    shown = {"color": [255, 128, 0], "intensityRange": [20, 180], "isDisabled": True}
    (channel,) = attributes(source(defaultViewConfiguration=shown))["omero"]["channels"]
    assert channel["color"] == "FF8000"
    assert channel["window"] == {"min": 0, "max": 255, "start": 20, "end": 180}
    assert channel["active"] is False
    rgb = attributes(source(elementClass="uint24"), 3)["omero"]["channels"]
    assert [entry["color"] for entry in rgb] == ["FF0000", "00FF00", "0000FF"]


def test_channels_that_nobody_gave_a_colour_can_be_told_apart():
    two = source(elementClass="uint16", numChannels=2)
    first, second = attributes(two, 2)["omero"]["channels"]
    assert first["color"] != second["color"]
    assert attributes(source())["omero"]["channels"][0]["color"] == "FFFFFF"


@pytest.mark.django_db
def test_what_ome_cannot_say_is_left_out(get):
    """The arrays are there all the same."""
    streamed = make_streamed(fields={"is_public": True})
    url = f"/data/ome-zarr/{streamed.id}/{LAYER}/zarr.json"
    assert yaozarrs.validate_ome_object(json.loads(get(url).body)["attributes"])
    layer = streamed.dataset.layers.get()
    layer.additional_axes = [{"name": "angle", "bounds": [0, 1], "index": 0}]
    layer.save()
    streamed.dataset.save()
    forget()
    group = json.loads(get(url).body)
    assert (group["node_type"], group["attributes"]) == ("group", {})
