"""N5 groups, precomputed volumes, and several layers in one dataset."""

from pathlib import Path
from typing import Any

import pytest

from datasets.properties.infer import infer
from tests.datasets.properties.infer.stored_data import (
    Json,
    boxes,
    multiscale,
    n5,
    ome3,
    only_layer,
    paths,
    wkw_mag,
    write_json,
    zarr3,
)


class TestN5:
    def test_transforms_give_mags_and_voxel_size(self, tmp_path: Path) -> None:
        def level(path: str, factor: float) -> Json:
            transform = {
                "axes": ["z", "y", "x"],
                "scale": [5.24 * factor, 4 * factor, 4 * factor],
                "translate": [0, 0, 40],
                "units": ["nm"] * 3,
            }
            return {"path": path, "transform": transform}

        group = {"multiscales": [{"name": "fibsem", "datasets": [level("s0", 1), level("s1", 2)]}]}
        write_json(tmp_path / "em" / "attributes.json", group)
        n5(tmp_path / "em" / "s0", [60, 50, 40])
        n5(tmp_path / "em" / "s1", [30, 25, 20])
        found = infer(tmp_path, "ds")
        layer = only_layer(found)
        assert found.voxel_size is not None
        assert found.voxel_size.nanometers == (4, 4, 5.24)
        assert (layer.name, paths(layer)) == ("fibsem", {"1": "em/s0", "2": "em/s1"})
        assert layer.bounding_box.size == (60, 50, 40)
        assert layer.mags[0].axis_order == {"x": 0, "y": 1, "z": 2}
        matrix = layer.coordinate_transformations[0].matrix
        assert matrix is not None
        assert matrix[0][3] == 10

    @pytest.mark.parametrize(
        "group",
        [
            {"scales": [[1, 1, 1], [2, 2, 1]], "pixelResolution": [0.01, 0.01, 0.04]},
            {
                "downsamplingFactors": [[1, 1, 1], [2, 2, 1]],
                "resolution": [10, 10, 40],
                "units": ["nm", "nm", "nm"],
            },
            {"pixelResolution": {"dimensions": [10, 10, 40], "unit": "nm"}},
        ],
    )
    def test_factors_give_mags_and_micrometers_are_the_default(
        self, tmp_path: Path, group: Json
    ) -> None:
        write_json(tmp_path / "em" / "attributes.json", group)
        n5(tmp_path / "em" / "s0", [60, 50, 40])
        n5(tmp_path / "em" / "s1", [30, 25, 40], downsamplingFactors=[2, 2, 1])
        found = infer(tmp_path, "ds")
        assert found.voxel_size is not None
        assert found.voxel_size.nanometers == pytest.approx((10, 10, 40))
        assert paths(only_layer(found)) == {"1": "em/s0", "2-2-1": "em/s1"}

    def test_an_array_may_record_its_own_voxel_size(self, tmp_path: Path) -> None:
        resolution = {"dimensions": [4, 4, 40], "unit": "nm"}
        n5(tmp_path / "raw", [60, 50, 40], pixelResolution=resolution)
        found = infer(tmp_path, "ds")
        assert found.voxel_size is not None
        assert found.voxel_size.nanometers == (4, 4, 40)


class TestPrecomputed:
    def info(self, **changes: Any) -> Json:
        scale = {"key": "8_8_40", "size": [60, 50, 40], "resolution": [8, 8, 40]}
        coarse = {"key": "16_16_40", "size": [30, 25, 40], "resolution": [16, 16, 40]}
        info = {
            "type": "segmentation",
            "data_type": "uint64",
            "num_channels": 1,
            "scales": [scale | {"voxel_offset": [100, 200, 300]}, coarse],
        }
        return info | changes

    def test_everything_is_in_the_info_file(self, tmp_path: Path) -> None:
        write_json(tmp_path / "cells" / "info", self.info(mesh="mesh"))
        found = infer(tmp_path, "ds")
        layer = only_layer(found)
        assert found.voxel_size is not None
        assert found.voxel_size.nanometers == (8, 8, 40)
        assert (layer.category, layer.element_class) == ("segmentation", "uint64")
        assert boxes(found)["cells"] == ((100, 200, 300), (60, 50, 40))
        assert paths(layer) == {"1": "cells/8_8_40", "2-2-1": "cells/16_16_40"}
        (mesh,) = layer.attachments.meshes
        assert (mesh.path, mesh.data_format) == ("cells/mesh", "neuroglancerPrecomputed")

    def test_the_type_decides_the_category(self, tmp_path: Path) -> None:
        write_json(tmp_path / "segmentation" / "info", self.info(type="image"))
        assert only_layer(infer(tmp_path, "ds")).category == "color"

    @pytest.mark.parametrize("key", ["../elsewhere", "s3://bucket/key", "/abs"])
    def test_a_scale_that_lies_elsewhere_is_left_out(self, tmp_path: Path, key: str) -> None:
        info = self.info()
        info["scales"][1]["key"] = key
        write_json(tmp_path / "cells" / "info", info)
        found = infer(tmp_path, "ds")
        assert paths(only_layer(found)) == {"1": "cells/8_8_40"}
        assert key in found.problems[0]


class TestCombining:
    def test_layers_are_expressed_in_the_finest_voxels(self, tmp_path: Path) -> None:
        ome3(tmp_path / "em", multiscale("zyx", {"0": [0.04, 0.01, 0.01]}))
        zarr3(tmp_path / "em" / "0", [40, 100, 100])
        coarse = {"key": "a", "size": [25, 25, 40], "resolution": [40, 40, 40]}
        info = {"type": "segmentation", "data_type": "uint32", "scales": [coarse]}
        write_json(tmp_path / "cells" / "info", info)
        wkw_mag(tmp_path / "raw" / "1", [(0, 0, 0)])
        found = infer(tmp_path, "ds")
        assert found.voxel_size is not None
        assert found.voxel_size.nanometers == pytest.approx((10, 10, 40))
        assert boxes(found) == {
            "cells": ((0, 0, 0), (100, 100, 40)),
            "em": ((0, 0, 0), (100, 100, 40)),
            "raw": ((0, 0, 0), (1024, 1024, 1024)),
        }
        assert paths(found.layers[0]) == {"4-4-1": "cells/a"}
        assert found.data_source is not None

    def test_a_layer_that_does_not_fit_is_left_out_and_told(self, tmp_path: Path) -> None:
        for name, size in (("a", 10), ("b", 33)):
            scale = {"key": "s", "size": [5, 5, 5], "resolution": [size] * 3}
            info = {"type": "image", "data_type": "uint8", "scales": [scale]}
            write_json(tmp_path / name / "info", info)
        found = infer(tmp_path, "ds")
        assert only_layer(found).name == "a"
        assert "'b' is left out" in found.problems[0]

    def test_equal_names_are_numbered(self, tmp_path: Path) -> None:
        for folder in ("a", "b", "c"):
            ome3(tmp_path / folder, multiscale("zyx", {"0": [1, 1, 1]}, name="image"))
            zarr3(tmp_path / folder / "0", [4, 5, 6])
        found = infer(tmp_path, "ds")
        assert [layer.name for layer in found.layers] == ["image", "image_2", "image_3"]
        assert paths(found.layers[2]) == {"1": "c/0"}
