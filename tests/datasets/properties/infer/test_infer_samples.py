"""What is inferred of the real samples when their properties file is gone."""

import shutil
from pathlib import Path

import pytest

from datasets.properties import problems
from datasets.properties.infer import infer
from tests.datasets.properties.infer.stored_data import boxes, only_layer, paths


class TestSamples:
    """The real samples, without their properties file."""

    def without_properties(self, sample: Path, tmp_path: Path) -> Path:
        copy = tmp_path / sample.name
        shutil.copytree(sample, copy, copy_function=shutil.copyfile)
        (copy / "datasource-properties.json").unlink(missing_ok=True)
        return copy

    @pytest.mark.parametrize(
        ("sample", "data_format", "element_class", "channels", "size", "path", "missing"),
        [
            ("simple_wkw_dataset", "wkw", "uint24", 3, (32, 32, 32), "color/1", ["voxel size"]),
            ("simple_zarr_dataset", "zarr", "uint24", 3, (24, 24, 24), "color/1-1-1", []),
            ("simple_zarr3_dataset", "zarr3", "uint24", 3, (24, 24, 24), "color/1", []),
            (
                "simple_ng_dataset",
                "neuroglancerPrecomputed",
                "uint24",
                3,
                (24, 24, 24),
                "color/1",
                [],
            ),
            (
                "simple_ng_dataset2",
                "neuroglancerPrecomputed",
                "uint8",
                1,
                (24, 24, 24),
                "color/1",
                [],
            ),
        ],
    )
    def test_a_simple_sample_is_understood(
        self,
        samples: Path,
        tmp_path: Path,
        sample: str,
        data_format: str,
        element_class: str,
        channels: int,
        size: tuple[int, int, int],
        path: str,
        missing: list[str],
    ) -> None:
        found = infer(self.without_properties(samples / sample, tmp_path), "sample")
        layer = only_layer(found)
        assert (layer.name, layer.category) == ("color", "color")
        assert (layer.data_format, layer.element_class) == (data_format, element_class)
        assert layer.num_channels == channels
        assert boxes(found)["color"] == ((0, 0, 0), size)
        assert paths(layer) == {"1": path}
        assert layer.mags[0].axis_order == {}
        assert found.missing == tuple(missing)
        assert found.problems == ()
        if not missing:
            assert found.data_source is not None
            assert found.data_source.voxel_size.nanometers == (1, 1, 1)
            assert problems(found.data_source) == []

    def test_the_n5_sample_has_three_channels_of_wide_integers(
        self, samples: Path, tmp_path: Path
    ) -> None:
        found = infer(self.without_properties(samples / "simple_n5_dataset", tmp_path), "sample")
        assert [layer.name for layer in found.layers] == ["color_0", "color_1", "color_2"]
        assert [layer.mags[0].channel_index for layer in found.layers] == [0, 1, 2]
        for layer in found.layers:
            assert (layer.data_format, layer.element_class) == ("n5", "uint32")
            assert paths(layer) == {"1": "color/1"}
        assert found.missing == ("voxel size",)

    def test_the_4d_sample_has_time_although_its_axes_do_not_mention_it(
        self, samples: Path, tmp_path: Path
    ) -> None:
        sample = samples / "4D" / "4D_series_zarr3"
        found = infer(self.without_properties(sample, tmp_path), "sample")
        layer = only_layer(found)
        assert found.voxel_size is not None
        assert found.voxel_size.nanometers == (10, 10, 10)
        assert [mag.mag.literal for mag in layer.mags] == ["1", "2"]
        assert layer.mags[1].axis_order == {"c": 0, "z": 2, "y": 3, "x": 4}
        (axis,) = layer.additional_axes
        assert (axis.name, axis.bounds, axis.index) == ("t", (0, 7), 1)
        assert boxes(found) == {"color": ((0, 0, 0), (439, 192, 4096))}
        # Whether that is right only a person can tell.
        assert found.missing == ("axes of the image 'color'",)
        assert "OME axes of the image 'color' (c, x, y, z) do not fit" in found.problems[0]
        assert "taken to be c, t, z, y, x" in found.problems[0]
        assert found.data_source is None

    def test_wkw_headers_without_any_file_leave_the_box_open(
        self, samples: Path, tmp_path: Path
    ) -> None:
        found = infer(self.without_properties(samples / "complex_property_ds", tmp_path), "sample")
        assert [(layer.name, layer.category) for layer in found.layers] == [
            ("color", "color"),
            ("segmentation", "segmentation"),
        ]
        assert found.missing == (
            "voxel size",
            "bounding box of layer 'color'",
            "bounding box of layer 'segmentation'",
        )
        assert found.data_source is None

    def test_each_mag_of_the_old_sample_has_its_cube_length(
        self, samples: Path, tmp_path: Path
    ) -> None:
        found = infer(self.without_properties(samples / "old_wkw_dataset", tmp_path), "sample")
        assert [(mag.mag.literal, mag.cube_length) for mag in only_layer(found).mags] == [
            ("1", 1024),
            ("2", 512),
        ]

    @pytest.mark.parametrize("sample", ["tiff_series", "czi", "dicoms"])
    def test_images_are_no_dataset(self, samples: Path, sample: str) -> None:
        found = infer(samples / sample, "sample")
        assert found.layers == ()
        assert found.missing == ()
        assert "No data in a known format" in found.problems[0]
