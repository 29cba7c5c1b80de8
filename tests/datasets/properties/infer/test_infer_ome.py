"""OME-NGFF images: axes, scales, channels, display, labels."""

from pathlib import Path

import pytest

from datasets.properties import problems
from datasets.properties.infer import infer
from tests.datasets.properties.infer.stored_data import (
    axes,
    boxes,
    multiscale,
    ome3,
    only_layer,
    paths,
    write_json,
    zarr2,
    zarr3,
)


class TestOme:
    def test_mags_and_voxel_size_come_from_the_scales(self, tmp_path: Path) -> None:
        levels = {"s1": [1, 0.5, 0.8, 0.8], "s0": [1, 0.5, 0.4, 0.4], "s2": [1, 1.0, 1.6, 1.6]}
        ome3(tmp_path / "image.zarr", multiscale("czyx", levels))
        zarr3(tmp_path / "image.zarr" / "s0", [1, 10, 99, 201], "uint16")
        zarr3(tmp_path / "image.zarr" / "s1", [1, 10, 50, 101], "uint16")
        zarr3(tmp_path / "image.zarr" / "s2", [1, 5, 25, 51], "uint16")
        found = infer(tmp_path, "ds")
        layer = only_layer(found)
        assert found.voxel_size is not None
        assert (found.voxel_size.factor, found.voxel_size.unit) == ((0.4, 0.4, 0.5), "micrometer")
        assert paths(layer) == {
            "1": "image.zarr/s0",
            "2-2-1": "image.zarr/s1",
            "4-4-2": "image.zarr/s2",
        }
        assert layer.mags[0].axis_order == {"c": 0, "z": 1, "y": 2, "x": 3}
        assert boxes(found) == {"image.zarr": ((0, 0, 0), (201, 99, 10))}
        assert found.problems == ()

    def test_version_0_4_in_zarr_v2_is_read(self, tmp_path: Path) -> None:
        write_json(tmp_path / ".zattrs", {"multiscales": [multiscale("zyx", {"0": [2, 1, 1]})]})
        zarr2(tmp_path / "0", [4, 5, 6], "<u2")
        found = infer(tmp_path, "cortex")
        layer = only_layer(found)
        assert (layer.name, layer.data_format, paths(layer)) == ("cortex", "zarr", {"1": "0"})
        assert layer.mags[0].axis_order == {"z": 0, "y": 1, "x": 2}
        assert found.data_source is not None

    def test_each_channel_is_a_layer_with_its_display(self, tmp_path: Path) -> None:
        channels = [
            {
                "label": "DAPI / nuclei",
                "color": "0000FF",
                "window": {"start": 100, "end": 2000, "min": 0, "max": 65535},
            },
            {"color": "00FF00", "active": False, "inverted": True},
            {},
        ]
        image = multiscale("cyx", {"0": [1, 1, 1]}, name="cells")
        ome3(tmp_path / "a", image, omero={"channels": channels})
        zarr3(tmp_path / "a" / "0", [3, 20, 30], "uint16")
        dapi, second, third = infer(tmp_path, "ds").layers
        assert [layer.name for layer in (dapi, second, third)] == [
            "DAPI___nuclei",
            "cells_1",
            "cells_2",
        ]
        assert [layer.mags[0].channel_index for layer in (dapi, second, third)] == [0, 1, 2]
        assert dapi.bounding_box.size == (30, 20, 1)
        assert dapi.num_channels == 1
        assert dapi.default_view_configuration == {
            "color": [0, 0, 255],
            "intensityRange": [100, 2000],
            "min": 0,
            "max": 65535,
            "isInverted": False,
            "isDisabled": False,
        }
        assert second.default_view_configuration["isDisabled"] is True
        assert second.default_view_configuration["isInverted"] is True

    @pytest.mark.parametrize(
        ("colors", "layers"), [(None, 1), (["FF0000", "00ff00", "0000FF"], 1), (["FFFFFF"] * 3, 3)]
    )
    def test_red_green_blue_is_one_layer(
        self, tmp_path: Path, colors: list[str] | None, layers: int
    ) -> None:
        omero = {"omero": {"channels": [{"color": color} for color in colors]}} if colors else {}
        ome3(tmp_path / "a", multiscale("czyx", {"0": [1, 1, 1, 1]}), **omero)
        zarr3(tmp_path / "a" / "0", [3, 4, 5, 6])
        found = infer(tmp_path, "ds")
        assert len(found.layers) == layers
        assert (found.layers[0].element_class == "uint24") == (layers == 1)

    def test_further_axes_become_additional_axes(self, tmp_path: Path) -> None:
        ome3(tmp_path / "a", multiscale("tczyx", {"0": [1, 1, 1, 1, 1]}))
        zarr3(tmp_path / "a" / "0", [7, 2, 4, 5, 6], "uint16")
        found = infer(tmp_path, "ds")
        for layer in found.layers:
            (axis,) = layer.additional_axes
            assert (axis.name, axis.bounds, axis.index) == ("t", (0, 7), 0)
            assert layer.mags[0].axis_order == {"c": 1, "z": 2, "y": 3, "x": 4}
        assert found.data_source is not None
        assert problems(found.data_source) == []

    def test_labels_are_segmentations_of_unsigned_ids(self, tmp_path: Path) -> None:
        image = multiscale("zyx", {"0": [1, 1, 1]})
        ome3(tmp_path / "a", image)
        zarr3(tmp_path / "a" / "0", [4, 5, 6])
        labels = {"attributes": {"ome": {"labels": ["cells", "../../etc"]}}, "node_type": "group"}
        write_json(tmp_path / "a" / "labels" / "zarr.json", labels)
        ome3(tmp_path / "a" / "labels" / "cells", image)
        zarr3(tmp_path / "a" / "labels" / "cells" / "0", [4, 5, 6], "int32")
        found = infer(tmp_path, "ds")
        image_layer, cells = found.layers
        assert (image_layer.category, cells.category) == ("color", "segmentation")
        assert (cells.name, cells.element_class) == ("labels-cells", "uint32")
        assert "../../etc" in found.problems[0]

    def test_a_translation_becomes_a_transformation_in_voxels(self, tmp_path: Path) -> None:
        image = multiscale("zyx", {"0": [2, 0.5, 0.5]})
        image["datasets"][0]["coordinateTransformations"].append(
            {"type": "translation", "translation": [10, 0, -1]}
        )
        ome3(tmp_path / "a", image)
        zarr3(tmp_path / "a" / "0", [4, 5, 6])
        (transformation,) = only_layer(infer(tmp_path, "ds")).coordinate_transformations
        assert transformation.matrix is not None
        assert [row[3] for row in transformation.matrix] == [-2, 0, 5, 1]

    def test_different_units_are_brought_to_the_smallest(self, tmp_path: Path) -> None:
        image = multiscale("zyx", {"0": [1, 250, 250]})
        image["axes"][1]["unit"] = image["axes"][2]["unit"] = "nanometer"
        ome3(tmp_path / "a", image)
        zarr3(tmp_path / "a" / "0", [4, 5, 6])
        found = infer(tmp_path, "ds")
        assert found.voxel_size is not None
        assert found.voxel_size.factor == pytest.approx((250, 250, 1000))
        assert found.voxel_size.unit == "nanometer"

    def test_an_unknown_unit_is_asked_for(self, tmp_path: Path) -> None:
        image = multiscale("zyx", {"0": [1, 1, 1]}) | {"axes": axes("zyx", "pixel")}
        ome3(tmp_path / "a", image)
        zarr3(tmp_path / "a" / "0", [4, 5, 6])
        found = infer(tmp_path, "ds")
        assert found.missing == ("voxel size",)
        assert "'pixel'" in found.problems[0]

    def test_scales_that_are_no_power_of_two_are_left_out(self, tmp_path: Path) -> None:
        ome3(tmp_path / "a", multiscale("zyx", {"0": [1, 1, 1], "1": [3, 3, 3]}))
        zarr3(tmp_path / "a" / "0", [9, 9, 9])
        zarr3(tmp_path / "a" / "1", [3, 3, 3])
        found = infer(tmp_path, "ds")
        assert paths(only_layer(found)) == {"1": "a/0"}
        assert "'a/1' is left out" in found.problems[0]

    def test_a_missing_and_an_escaping_array_are_told(self, tmp_path: Path) -> None:
        levels = {"0": [1.0, 1, 1], "1": [2.0, 2, 2], "../b": [4.0, 4, 4]}
        ome3(tmp_path / "a", multiscale("zyx", levels))
        zarr3(tmp_path / "a" / "0", [9, 9, 9])
        found = infer(tmp_path, "ds")
        assert paths(only_layer(found)) == {"1": "a/0"}
        assert "path '1'" in found.problems[0]
        assert "'../b'" in found.problems[1]

    def test_a_plate_of_several_images_is_looked_into(self, tmp_path: Path) -> None:
        for series in ("0", "1"):
            ome3(tmp_path / "x.ome.zarr" / series, multiscale("zyx", {"0": [1, 1, 1]}))
            zarr3(tmp_path / "x.ome.zarr" / series / "0", [4, 5, 6])
        assert [layer.name for layer in infer(tmp_path, "ds").layers] == ["0", "1"]


def test_fewer_stored_axes_than_described_are_guessed_and_told(tmp_path: Path) -> None:
    ome3(tmp_path, multiscale("tczyx", {"0": [1, 1, 2, 1, 1]}))
    zarr3(tmp_path / "0", [2, 5, 6, 7])
    found = infer(tmp_path, "image")
    assert [layer.name for layer in found.layers] == ["image_0", "image_1"]
    assert found.layers[0].mags[0].axis_order == {"c": 0, "z": 1, "y": 2, "x": 3}
    assert found.layers[0].bounding_box.size == (7, 6, 5)
    assert found.missing == ("axes of the image '.'",)
    assert "(t, c, z, y, x) do not fit its array '0' of 4 axes" in found.problems[0]
    assert found.data_source is None


def test_stored_axes_that_nobody_can_guess_leave_the_image_out(tmp_path: Path) -> None:
    ome3(tmp_path, multiscale("zyx", {"0": [1, 1, 1]}))
    zarr3(tmp_path / "0", [9, 2, 5, 6, 7])
    found = infer(tmp_path, "image")
    assert found.layers == ()
    assert "(z, y, x) do not fit its array '0' of 5 axes" in found.problems[0]


@pytest.mark.parametrize(
    ("scale", "translation"),
    [("1e400", "0"), ("-1", "0"), ("NaN", "0"), ("1e200", "1e200"), ("1e-200", "1e200")],
)
def test_numbers_that_are_none_make_no_layer_and_stop_nothing(
    tmp_path: Path, scale: str, translation: str
) -> None:
    (tmp_path / ".zattrs").write_text(
        f"""{{"multiscales": [{{
            "axes": [{{"name": "z"}}, {{"name": "y"}}, {{"name": "x"}}],
            "datasets": [{{"path": "0", "coordinateTransformations": [
                {{"type": "scale", "scale": [1, {scale}, {scale}]}},
                {{"type": "translation", "translation": [0, {translation}, 0]}}]}}],
            "coordinateTransformations": [{{"type": "scale", "scale": [1, {scale}, {scale}]}}]
        }}]}}"""
    )
    zarr2(tmp_path / "0", [4, 5, 6], "<u2")
    found = infer(tmp_path, "odd")
    assert found.problems
    for layer in found.layers:
        assert not layer.coordinate_transformations
    assert found.voxel_size is None or max(found.voxel_size.factor) < 1e300
