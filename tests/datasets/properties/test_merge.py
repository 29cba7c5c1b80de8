"""What an edit through the API changes of a stored data source, and what it can't."""

from typing import Any

import pytest

from datasets.properties import AttachmentRenaming, DataSource, RefusedEdit, merge, parse

Document = dict[str, Any]


def layer(name: str = "color", **changes: Any) -> Document:
    known = {
        "name": name,
        "category": "color",
        "boundingBox": {"topLeft": [0, 0, 0], "width": 8, "height": 8, "depth": 8},
        "elementClass": "uint8",
        "dataFormat": "zarr3",
        "mags": [{"mag": 1}, {"mag": 2}],
    }
    return known | changes


def source(*layers: Document, **changes: Any) -> DataSource:
    return parse({"scale": [1, 1, 1], "dataLayers": list(layers)} | changes)


def attachment(name: str) -> Document:
    return {"name": name, "path": f"color/{name}", "dataFormat": "hdf5"}


def test_an_edit_sets_what_is_its_to_say() -> None:
    transformation = {
        "type": "affine",
        "matrix": [[1, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
    }
    edit = source(
        layer(
            category="segmentation",
            boundingBox={"topLeft": [1, 2, 3], "width": 4, "height": 5, "depth": 6},
            coordinateTransformations=[transformation],
            defaultViewConfiguration={"alpha": 30},
            adminViewConfiguration={"alpha": 40},
            largestSegmentId=12,
        ),
        scale={"factor": [2, 2, 2], "unit": "micrometer"},
    )
    assert merge(source(layer()), edit) == edit


def test_an_edit_can_not_change_where_and_how_the_data_lie() -> None:
    axes = [{"name": "t", "bounds": [0, 7], "index": 1}]
    stored = source(
        layer(
            mags=[
                {
                    "mag": 1,
                    "path": "color/1",
                    "axisOrder": {"x": 0, "y": 1, "z": 2},
                    "channelIndex": 3,
                    "credentialId": "abc",
                }
            ],
            additionalAxes=axes,
            numChannels=4,
            mappings=["m"],
            future={"kept": True},
        ),
        id={"name": "stored"},
        defaultViewConfiguration={"zoom": 2},
        future=1,
    )
    edit = source(
        layer(
            mags=[{"mag": 1, "path": "/etc/passwd", "channelIndex": 9, "credentialId": "stolen"}],
            elementClass="uint16",
            dataFormat="wkw",
        )
    )
    assert merge(stored, edit) == stored


def test_mags_attachments_and_layers_can_only_be_removed() -> None:
    stored = source(
        layer(
            attachments={"meshes": [attachment("a"), attachment("b")], "cumsum": attachment("c")}
        ),
        layer("other"),
    )
    edit = source(layer(mags=[{"mag": 2}, {"mag": 4}], attachments={"meshes": [attachment("b")]}))
    assert merge(stored, edit) == source(
        layer(mags=[{"mag": 2}], attachments={"meshes": [attachment("b")]})
    )


def test_an_edit_without_attachments_removes_all() -> None:
    segments = {"category": "segmentation"}
    stored = source(layer(**segments, attachments={"meshes": [attachment("a")]}))
    assert merge(stored, source(layer(**segments))) == source(layer(**segments))


def test_attachments_of_a_color_layer_stay_unless_the_edit_speaks_of_attachments() -> None:
    stored = source(layer(attachments={"meshes": [attachment("a")]}))
    assert merge(stored, source(layer())) == stored
    assert merge(stored, source(layer(attachments={}))) == source(layer())


def test_what_the_library_writes_into_the_box_of_a_layer_without_mags_is_dropped() -> None:
    box = {"topLeft": [0, 0, 0], "width": 0, "height": 0, "depth": 0}
    stray = {"axisOrder": {"x": 1, "y": 2, "z": 3, "c": 0}, "channelIndex": 0}
    announced = layer("new", mags=[], boundingBox=box | stray)
    merged = merge(source(layer()), source(layer(), announced))
    assert merged == source(layer(), layer("new", mags=[], boundingBox=box))
    assert merge(merged, source(layer(), announced)) == merged


def test_the_default_view_of_the_dataset_stays_unless_the_edit_names_it() -> None:
    stored = source(layer(), defaultViewConfiguration={"zoom": 2})
    assert merge(stored, source(layer())) == stored
    for named in ({"zoom": 3}, None):
        edit = source(layer(), defaultViewConfiguration=named)
        assert merge(stored, edit).default_view_configuration == (named or {})


def test_view_settings_that_the_library_does_not_know_stay_unless_all_are_cleared() -> None:
    gamma, alpha = {"gammaCorrectionValue": 2}, {"alpha": 40}

    def view(**edit: Any) -> Document:
        stored = source(layer(defaultViewConfiguration=gamma | alpha))
        return merge(stored, source(layer(**edit))).layers[0].default_view_configuration

    assert view() == gamma
    assert view(defaultViewConfiguration={"alpha": 50}) == gamma | {"alpha": 50}
    assert view(defaultViewConfiguration={"gammaCorrectionValue": 1}) == {"gammaCorrectionValue": 1}
    assert view(defaultViewConfiguration=None) == {}


def test_renamings_need_no_edit() -> None:
    merged = merge(source(layer()), None, layer_renamings={"color": "em"})
    assert merged == source(
        layer("em", mags=[{"mag": 1, "path": "color/1"}, {"mag": 2, "path": "color/2"}])
    )


def test_admin_view_settings_stay_unless_the_edit_names_them() -> None:
    stored = source(layer(adminViewConfiguration={"alpha": 40}))
    assert merge(stored, source(layer())) == stored
    for cleared in ({}, None):
        edit = source(layer(adminViewConfiguration=cleared))
        assert merge(stored, edit) == source(layer())


def test_a_new_layer_comes_without_mags_and_attachments() -> None:
    announced = layer("new", mags=[])
    edit = source(layer(), announced)
    assert merge(source(layer()), edit) == edit
    for brings in ({"mags": [{"mag": 1}]}, {"attachments": {"meshes": [attachment("a")]}}):
        with pytest.raises(RefusedEdit, match="'new' may not bring"):
            merge(source(layer()), source(layer(), announced | brings))


def test_a_renamed_layer_keeps_its_data() -> None:
    stored = source(layer(numChannels=2, mags=[{"mag": 1}, {"mag": 2, "path": "x/2"}]))
    edit = source(layer("renamed", mags=[{"mag": 1}, {"mag": 2}]))
    (merged,) = merge(stored, edit, layer_renamings={"color": "renamed"}).layers
    assert (merged.name, merged.num_channels) == ("renamed", 2)
    assert [mag.path for mag in merged.mags] == ["color/1", "x/2"]


def test_two_layers_can_swap_their_names() -> None:
    stored = source(layer("a", numChannels=1), layer("b", numChannels=2))
    merged = merge(stored, source(layer("a"), layer("b")), layer_renamings={"a": "b", "b": "a"})
    assert [(found.name, found.num_channels) for found in merged.layers] == [("a", 2), ("b", 1)]


def test_colliding_and_pointless_renamings_are_refused() -> None:
    stored = source(layer("a"), layer("b"))
    with pytest.raises(RefusedEdit, match="one name"):
        merge(stored, stored, layer_renamings={"a": "b"})
    with pytest.raises(RefusedEdit, match="no layer 'c'"):
        merge(stored, stored, layer_renamings={"c": "d"})


def test_an_attachment_is_renamed_within_its_layer_and_kind() -> None:
    kinds = {"meshes": [attachment("a"), attachment("b")], "segmentIndex": attachment("a")}
    stored = source(layer(attachments=kinds))
    kinds_after = {
        "meshes": [attachment("a") | {"name": "z"}, attachment("b")],
        "segmentIndex": attachment("a"),
    }
    edit = source(layer(attachments=kinds_after))
    renaming = AttachmentRenaming("color", "meshes", "a", "z")
    assert merge(stored, edit, attachment_renamings=[renaming]) == edit
    for refused in (renaming._replace(new_name="b"), renaming._replace(old_name="missing")):
        with pytest.raises(RefusedEdit, match="meshes"):
            merge(stored, edit, attachment_renamings=[refused])
