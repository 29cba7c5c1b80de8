"""Layers as folders of mags, and single arrays: WKW, Zarr and N5 without any group."""

from pathlib import Path

import pytest

from datasets.properties.infer import folder as folder_module
from datasets.properties.infer import infer
from tests.datasets.properties.infer.stored_data import (
    boxes,
    only_layer,
    paths,
    wkw_mag,
    write_json,
    zarr2,
    zarr3,
)


class TestWkw:
    def test_the_box_is_that_of_the_files_of_the_finest_mag(self, tmp_path: Path) -> None:
        wkw_mag(tmp_path / "em" / "2-2-1", [(1, 0, 2), (2, 3, 2)], voxel=2, size=2)
        wkw_mag(tmp_path / "em" / "4", [(0, 0, 0)], voxel=2, size=2)
        found = infer(tmp_path, "ds")
        layer = only_layer(found)
        assert (layer.element_class, layer.num_channels) == ("uint16", 1)
        assert paths(layer) == {"2-2-1": "em/2-2-1", "4": "em/4"}
        assert layer.mags[0].cube_length == 1024
        assert boxes(found)["em"] == ((2048, 0, 2048), (4096, 8192, 1024))
        assert found.missing == ("voxel size",)

    def test_mags_that_disagree_are_left_out(self, tmp_path: Path) -> None:
        wkw_mag(tmp_path / "em" / "1", [(0, 0, 0)])
        wkw_mag(tmp_path / "em" / "2", [(0, 0, 0)], voxel=2, size=2)
        found = infer(tmp_path, "ds")
        assert paths(only_layer(found)) == {"1": "em/1"}
        assert "'em/2' has another voxel type" in found.problems[0]

    def test_a_header_that_lies_is_told(self, tmp_path: Path) -> None:
        wkw_mag(tmp_path / "em" / "1", [(0, 0, 0)])
        (tmp_path / "em" / "1" / "header.wkw").write_bytes(b"WKW\x01 and nothing sensible")
        found = infer(tmp_path, "ds")
        assert found.layers == ()
        assert "em/1/header.wkw" in found.problems[0]

    def test_each_channel_is_a_layer(self, tmp_path: Path) -> None:
        wkw_mag(tmp_path / "em" / "1", [(0, 0, 0)], voxel=2, size=4)
        first, second = infer(tmp_path, "ds").layers
        assert (first.name, second.name) == ("em_0", "em_1")
        assert (first.element_class, first.num_channels) == ("uint16", 1)
        assert (first.mags[0].channel_index, second.mags[0].channel_index) == (0, 1)

    def test_mappings_of_a_segmentation_are_found(self, tmp_path: Path) -> None:
        wkw_mag(tmp_path / "segmentation" / "1", [(0, 0, 0)], voxel=3, size=4)
        write_json(tmp_path / "segmentation" / "mappings" / "axons.json", {})
        layer = only_layer(infer(tmp_path, "ds"))
        assert (layer.category, layer.mappings) == ("segmentation", ("axons",))

    def test_a_layer_or_a_mag_may_be_the_whole_dataset(self, tmp_path: Path) -> None:
        wkw_mag(tmp_path / "em" / "1", [(0, 0, 0)])
        layer = only_layer(infer(tmp_path / "em", "cortex"))
        assert (layer.name, paths(layer)) == ("cortex", {"1": "1"})
        layer = only_layer(infer(tmp_path / "em" / "1", "cortex"))
        assert (layer.name, paths(layer)) == ("cortex", {"1": "."})

    def test_too_many_files_leave_the_box_open(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wkw_mag(tmp_path / "em" / "1", [(x, 0, 0) for x in range(30)])
        monkeypatch.setattr(folder_module, "ENTRY_LIMIT", 20)
        found = infer(tmp_path, "ds")
        assert found.missing == ("voxel size", "bounding box of layer 'em'")
        assert "too many files" in found.problems[0]


@pytest.mark.parametrize(
    ("name", "voxel", "size", "category"),
    [
        ("my_color_layer", 3, 4, "color"),
        ("my_Segmentation", 1, 1, "segmentation"),
        ("labels", 2, 2, "segmentation"),
        ("labels", 5, 4, "color"),
        ("raw", 1, 1, "color"),
        ("raw", 1, 3, "color"),
        ("raw", 2, 2, "color"),
        ("raw", 5, 4, "color"),
        ("raw", 3, 4, "segmentation"),
        ("raw", 4, 8, "segmentation"),
        ("raw", 3, 8, "color"),
    ],
)
def test_name_and_voxel_type_tell_color_from_segmentation(
    tmp_path: Path, name: str, voxel: int, size: int, category: str
) -> None:
    wkw_mag(tmp_path / name / "1", [(0, 0, 0)], voxel=voxel, size=size)
    assert infer(tmp_path, "ds").layers[0].category == category


class TestBareArrays:
    def test_without_names_zarr_puts_x_last(self, tmp_path: Path) -> None:
        zarr2(tmp_path / "raw", [4, 5, 6], "<f4")
        found = infer(tmp_path, "ds")
        layer = only_layer(found)
        assert (layer.bounding_box.size, layer.element_class) == ((6, 5, 4), "float")
        assert layer.mags[0].axis_order == {"z": 0, "y": 1, "x": 2}
        assert found.missing == ("voxel size",)

    def test_a_short_first_axis_holds_channels(self, tmp_path: Path) -> None:
        zarr3(tmp_path, [2, 4, 5, 6], "uint16")
        first, second = infer(tmp_path, "cortex").layers
        assert (first.name, second.name) == ("cortex_0", "cortex_1")
        assert (first.mags[0].channel_index, second.mags[0].channel_index) == (0, 1)
        assert (first.num_channels, paths(first)) == (1, {"1": "."})

    def test_not_every_channel_of_very_many_becomes_a_layer(self, tmp_path: Path) -> None:
        zarr3(tmp_path / "raw", [4000, 5, 6], "uint16", dimension_names=["c", "y", "x"])
        found = infer(tmp_path, "ds")
        assert len(found.layers) == 100
        assert "4000 channels" in found.problems[0]

    def test_names_of_axes_win(self, tmp_path: Path) -> None:
        zarr3(tmp_path / "raw", [4, 5, 6], dimension_names=["x", "Y", "z"])
        assert only_layer(infer(tmp_path, "ds")).bounding_box.size == (4, 5, 6)

    def test_axes_beyond_guessing_are_told(self, tmp_path: Path) -> None:
        zarr3(tmp_path / "raw", [9, 9, 9, 9])
        found = infer(tmp_path, "ds")
        assert found.layers == ()
        assert "'raw'" in found.problems[0]

    def test_folders_named_as_mags_hold_c_x_y_z(self, tmp_path: Path) -> None:
        zarr2(tmp_path / "em" / "1", [1, 60, 50, 40])
        zarr2(tmp_path / "em" / "2-2-1", [1, 30, 25, 40])
        layer = only_layer(infer(tmp_path, "ds"))
        assert paths(layer) == {"1": "em/1", "2-2-1": "em/2-2-1"}
        assert layer.bounding_box.size == (60, 50, 40)
        assert layer.mags[0].axis_order == {}

    @pytest.mark.parametrize("dtype", ["complex64", "nonsense", "float16"])
    def test_a_type_without_element_class_is_told(self, tmp_path: Path, dtype: str) -> None:
        zarr3(tmp_path / "raw", [4, 5, 6], dtype)
        found = infer(tmp_path, "ds")
        assert found.layers == ()
        assert "'raw'" in found.problems[0]
