"""Fields, legacy spellings and the written form of datasource-properties.json."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.properties import (
    BoundingBox,
    DataSource,
    ElementClass,
    LengthUnit,
    Mag,
    UnreadableProperties,
    content_hash,
    dumps,
    loads,
    parse,
    parse_unit,
    read,
    with_bigint_envelopes,
)

BOX = {"topLeft": [0, 0, 0], "width": 8, "height": 8, "depth": 8}


def layer_json(**changes: Any) -> dict[str, Any]:
    layer = {
        "name": "color",
        "category": "color",
        "boundingBox": BOX,
        "elementClass": "uint8",
        "dataFormat": "wkw",
        "mags": [],
    }
    return layer | changes


def data_source(*layers: dict[str, Any], **changes: Any) -> DataSource:
    return parse({"scale": [1, 1, 1], "dataLayers": list(layers)} | changes)


def has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(item is None or has_null(item) for item in value.values())
    return isinstance(value, list) and any(has_null(item) for item in value)


def test_absent_values_are_left_out_and_never_written_as_null() -> None:
    nothing = dict.fromkeys(
        (
            "numChannels",
            "additionalAxes",
            "coordinateTransformations",
            "defaultViewConfiguration",
            "adminViewConfiguration",
            "largestSegmentId",
            "mappings",
            "attachments",
        )
    )
    mag = {"mag": 1, **dict.fromkeys(("path", "cubeLength", "axisOrder", "channelIndex"))}
    source = data_source(layer_json(mags=[mag], **nothing), defaultViewConfiguration=None, id=None)
    written = source.to_json()
    assert not has_null(written)
    assert written["dataLayers"][0].keys() == layer_json().keys()
    assert written["dataLayers"][0]["mags"] == [{"mag": [1, 1, 1]}]


def test_an_unknown_key_keeps_its_null() -> None:
    assert data_source(future=None).to_json()["future"] is None


def test_uint24_always_says_that_it_has_three_channels() -> None:
    for channels in ({}, {"numChannels": None}, {"numChannels": 1}):
        source = data_source(layer_json(elementClass="uint24", **channels))
        assert source.to_json()["dataLayers"][0]["numChannels"] == 3


def test_legacy_and_modern_spelling_mean_the_same() -> None:
    legacy = layer_json(
        wkwResolutions=[
            {"resolution": 1, "cubeLength": 1024},
            {"resolution": [2, 2, 1], "cubeLength": 512},
        ]
    )
    del legacy["mags"], legacy["dataFormat"]
    modern = layer_json(
        mags=[{"mag": [2, 2, 1], "cubeLength": 512}, {"mag": [1, 1, 1], "cubeLength": 1024}]
    )
    old = data_source(legacy)
    new = data_source(modern, scale={"unit": "nm", "factor": [1.0, 1.0, 1.0]}, id={"name": "n"})
    assert content_hash(old) == content_hash(new)
    written = json.loads(dumps(old))
    assert written["scale"] == {"factor": [1.0, 1.0, 1.0], "unit": "nanometer"}
    assert written["dataLayers"][0]["mags"][0] == {"mag": [1, 1, 1], "cubeLength": 1024}
    assert "wkwResolutions" not in written["dataLayers"][0]


def test_a_scale_without_unit_is_in_nanometers() -> None:
    for unit in ({}, {"unit": None}):
        source = data_source(scale={"factor": [1, 2, 3], **unit})
        assert source.voxel_size.unit is LengthUnit.NANOMETER


def test_a_bigint_envelope_is_opened_and_made() -> None:
    envelope = {"customJsonEncoding": "bigint", "value": "18446744073709551615"}
    source = data_source(layer_json(largestSegmentId=envelope))
    assert source.layers[0].largest_segment_id == 2**64 - 1
    assert json.loads(dumps(source))["dataLayers"][0]["largestSegmentId"] == 2**64 - 1
    sent = with_bigint_envelopes(source.to_json())
    assert sent["dataLayers"][0]["largestSegmentId"] == envelope
    assert with_bigint_envelopes([2**53 - 1, True]) == [2**53 - 1, True]


@pytest.mark.parametrize(
    "spelling",
    ["um", "µm", "μm", "micrometer", "Micrometers", "micron", "micrometre", " µm "],
)
def test_every_spelling_of_micrometer_is_stored_as_one(spelling: str) -> None:
    assert parse_unit(spelling) is LengthUnit.MICROMETER
    source = data_source(scale={"factor": [1, 1, 1], "unit": spelling})
    assert source.to_json()["scale"]["unit"] == "micrometer"
    assert source.voxel_size.nanometers == (1000, 1000, 1000)


def test_every_unit_is_known_by_name_and_symbol_and_has_its_length() -> None:
    for unit in LengthUnit:
        assert parse_unit(unit.value) is unit
        assert parse_unit(unit.symbol) is unit
    lengths = [unit.nanometers for unit in LengthUnit]
    assert lengths == sorted(lengths)
    assert (parse_unit("mm"), parse_unit("Mm")) == (LengthUnit.MILLIMETER, LengthUnit.MEGAMETER)
    assert parse_unit("\u212b") is parse_unit("\u00c5") is LengthUnit.ANGSTROM


@pytest.mark.parametrize("value", [2, [2, 2, 2], (2, 2, 2), "2", "2-2-2"])
def test_a_mag_is_read_in_each_of_its_spellings(value: object) -> None:
    assert Mag.parse(value) == Mag(2, 2, 2)
    assert Mag.parse(value).literal == "2"


@pytest.mark.parametrize(
    "value", [0, -1, True, 1.5, "", "2-2", "a", [1, 1], [1, 1, 0], [1, 1, 1.0], None, {}]
)
def test_what_is_no_mag_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not a mag"):
        Mag.parse(value)


def test_an_anisotropic_mag_is_spelled_out() -> None:
    assert Mag(4, 4, 1).literal == "4-4-1"
    assert Mag(2, 2, 2).long_literal == "2-2-2"


def test_a_box_in_a_mag_covers_the_whole_box() -> None:
    box = BoundingBox.of((-3, 5, 0), (10, 10, 1))
    assert box.in_mag(Mag(4, 2, 1)) == BoundingBox.between((-1, 2, 0), (2, 8, 1))
    assert BoundingBox.of((1, 1, 1), (2, 2, 2)).from_mag(Mag(2, 2, 1)) == BoundingBox.of(
        (2, 2, 1), (4, 4, 2)
    )


def test_boxes_unite_and_intersect() -> None:
    a, b = BoundingBox.of((0, 0, 0), (10, 10, 10)), BoundingBox.of((5, 5, 5), (10, 10, 10))
    assert a.union(b) == BoundingBox.of((0, 0, 0), (15, 15, 15))
    assert a.intersection(b) == BoundingBox.of((5, 5, 5), (5, 5, 5))
    apart = BoundingBox.of((50, 0, 0), (1, 1, 1))
    assert a.intersection(apart).is_empty
    nothing = BoundingBox.of((90, 90, 90), (0, 0, 0))
    assert a.union(nothing) == nothing.union(a) == a
    assert nothing.volume == 0


@pytest.mark.parametrize(
    ("element_class", "dtype", "bits", "limits"),
    [
        ("uint8", "uint8", 8, (0, 255)),
        ("uint16", "uint16", 16, (0, 65535)),
        ("uint24", "uint8", 24, (0, 255)),
        ("uint32", "uint32", 32, (0, 4294967295)),
        ("uint64", "uint64", 64, (0, 2**64 - 1)),
        ("int8", "int8", 8, (-128, 127)),
        ("int16", "int16", 16, (-32768, 32767)),
        ("int32", "int32", 32, (-(2**31), 2**31 - 1)),
        ("int64", "int64", 64, (-(2**63), 2**63 - 1)),
        ("float", "float32", 32, (-(2.0**127), 2.0**127)),
        ("double", "float64", 64, (-1.7976931348623157e308, 1.7976931348623157e308)),
    ],
)
def test_an_element_class_knows_its_voxels(
    element_class: str, dtype: str, bits: int, limits: tuple[float, float]
) -> None:
    known = ElementClass(element_class)
    assert (known.dtype, known.bits, known.value_range) == (np.dtype(dtype), bits, limits)
    channels = 3 if element_class == "uint24" else 1
    assert ElementClass.of(np.dtype(dtype).newbyteorder(">"), channels) is known


@pytest.mark.parametrize(
    ("element_class", "channels", "of_one"),
    [
        ("uint24", 3, "uint8"),
        ("uint16", 2, "uint8"),
        ("uint16", 1, "uint16"),
        ("uint32", 4, "uint8"),
        ("uint64", 2, "uint32"),
        ("int16", 2, "int8"),
        ("double", 2, "float"),
        ("uint8", 3, "uint8"),
        ("float", 2, "float"),
    ],
)
def test_the_bits_of_an_element_class_are_those_of_all_channels(
    element_class: str, channels: int, of_one: str
) -> None:
    layer = data_source(layer_json(elementClass=element_class, numChannels=channels)).layers[0]
    assert layer.channel_class == of_one


def test_a_dtype_without_element_class_is_refused() -> None:
    with pytest.raises(ValueError, match="bool"):
        ElementClass.of(np.dtype(bool))


def test_a_mag_without_path_has_two_usual_places() -> None:
    layer = data_source(layer_json()).layers[0]
    assert layer.default_mag_paths(Mag(1, 1, 1)) == ("color/1", "color/1-1-1")
    assert layer.default_mag_paths(Mag(2, 2, 1)) == ("color/2-2-1",)


@pytest.mark.parametrize(
    "transformation",
    [
        {"type": "affine"},
        {"type": "affine", "matrix": [[1, 0, 0, 0]] * 3},
        {"type": "thin_plate_spline"},
        {
            "type": "thin_plate_spline",
            "correspondences": {"source": [[0, 0, 0]], "target": []},
        },
        {"type": "wobble"},
    ],
)
def test_an_incomplete_transformation_is_refused_with_its_place(
    transformation: dict[str, Any],
) -> None:
    with pytest.raises(
        UnreadableProperties, match=r"dataLayers\[0\]\.coordinateTransformations\[0\]"
    ):
        data_source(layer_json(coordinateTransformations=[transformation]))


def test_the_real_samples_are_read_and_survive_a_round_trip(samples: Path) -> None:
    files = sorted(samples.rglob("datasource-properties.json"))
    assert len(files) >= 8
    for file in files:
        source = read(file)
        assert source.layers
        assert loads(dumps(source)) == source


def test_the_complex_sample_is_read_completely(samples: Path) -> None:
    source = read(samples / "complex_property_ds" / "datasource-properties.json")
    color, segmentation = source.layers
    assert source.voxel_size.factor == (11.239999771118164, 11.239999771118164, 28.0)
    assert {mag.mag.literal: mag.cube_length for mag in color.mags}["16"] == 64
    matrix = color.coordinate_transformations[0].matrix
    assert matrix is not None
    assert [row[3] for row in matrix] == [10, 20, 30, 1]
    points = segmentation.coordinate_transformations[0].correspondences
    assert points is not None
    assert points.target[2] == (8, 10, 12)
    assert segmentation.largest_segment_id == 1_000_000_000
    assert segmentation.mappings[0] == "larger5um1"


def test_the_old_sample_is_read(samples: Path) -> None:
    source = read(samples / "old_wkw_dataset" / "datasource-properties.json")
    assert [(m.mag.literal, m.cube_length) for m in source.layers[0].mags] == [
        ("1", 1024),
        ("2", 512),
    ]


def test_the_4d_sample_has_its_time_axis(samples: Path) -> None:
    layer = read(samples / "4D" / "4D_series_zarr3" / "datasource-properties.json").layers[0]
    (axis,) = layer.additional_axes
    assert (axis.name, axis.bounds, axis.index) == ("t", (0, 7), 1)
    assert layer.mags[1].axis_order == {"c": 0, "x": 4, "y": 3, "z": 2}
