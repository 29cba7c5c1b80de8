"""The sample datasets open, look like what they claim to be, and are never written twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conversion.samples import write, write_sample_datasets
from conversion.samples.tissue import Tissue
from datasets import properties
from datasets.properties import Category, DataFormat, DataSource, ElementClass, LengthUnit, Mag
from tests.conversion.pipeline import reading

NAMES = ["sample_neuropil_wkw", "sample_neuropil_zarr", "sample_cell_culture"]


@pytest.fixture(scope="module")
def organization(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("binaryData") / "sample_organization"
    assert write_sample_datasets(directory) == NAMES
    return directory


def source_of(dataset: Path) -> DataSource:
    return properties.read(dataset / properties.FILE_NAME)


def voxels(dataset: Path, layer_name: str, mag: Mag) -> NDArray[Any]:
    """One layer's voxels of one mag, (z, y, x)."""
    layer = source_of(dataset).layer(layer_name)
    assert layer is not None
    (path,) = [m.path for m in layer.mags if m.mag == mag]
    assert path is not None
    if layer.data_format is DataFormat.WKW:
        return reading.with_wkw(dataset / path, layer.bounding_box.in_mag(mag).size)[0]
    return reading.with_tensorstore(dataset / path)[0]


MAG_1 = Mag(1, 1, 1)


@pytest.mark.parametrize(
    ("name", "data_format"),
    [("sample_neuropil_wkw", DataFormat.WKW), ("sample_neuropil_zarr", DataFormat.ZARR3)],
)
def test_the_neuropil_is_an_image_with_its_segmentation(
    organization: Path, name: str, data_format: DataFormat
) -> None:
    source = source_of(organization / name)
    assert source.voxel_size.factor == (11.24, 11.24, 25)
    assert source.voxel_size.unit is LengthUnit.NANOMETER
    color, segmentation = source.layers
    assert (color.name, color.category, color.element_class) == (
        "color",
        Category.COLOR,
        ElementClass.UINT8,
    )
    assert (segmentation.name, segmentation.category, segmentation.element_class) == (
        "segmentation",
        Category.SEGMENTATION,
        ElementClass.UINT32,
    )
    for layer in source.layers:
        assert layer.data_format is data_format
        assert layer.bounding_box.size == (512, 512, 128)
        assert [m.mag.literal for m in layer.mags] == ["1", "2-2-1", "4-4-2", "8-8-4"]
    cells = voxels(organization / name, "segmentation", MAG_1)
    assert segmentation.largest_segment_id == cells.max()


def test_both_formats_hold_the_same_tissue(organization: Path) -> None:
    for layer in ("color", "segmentation"):
        for mag in (MAG_1, Mag(8, 8, 4)):
            one, other = (voxels(organization / name, layer, mag) for name in NAMES[:2])
            np.testing.assert_array_equal(one, other)


def test_cells_end_where_the_image_shows_a_membrane(organization: Path) -> None:
    image = voxels(organization / NAMES[1], "color", MAG_1).astype(float)
    cells = voxels(organization / NAMES[1], "segmentation", MAG_1)
    is_border = np.zeros(cells.shape, bool)
    is_border[:, :, 1:] |= cells[:, :, 1:] != cells[:, :, :-1]
    is_border[:, 1:, :] |= cells[:, 1:, :] != cells[:, :-1, :]
    assert np.median(image[is_border]) < 100 < 145 < np.median(image[~is_border])
    assert (image[is_border] < 120).mean() > 0.9


def test_the_tissue_is_made_of_many_cells_of_many_sizes(organization: Path) -> None:
    cells = voxels(organization / NAMES[1], "segmentation", MAG_1)
    assert cells.min() > 0
    sizes = np.bincount(cells.ravel())
    sizes = np.sort(sizes[sizes > 0])
    assert len(sizes) > 200
    assert sizes[-1] < 0.4 * cells.size
    assert sizes[len(sizes) // 2] > 10_000


def test_cells_go_on_from_slice_to_slice(organization: Path) -> None:
    cells = voxels(organization / NAMES[1], "segmentation", MAG_1)
    assert (cells[1:] == cells[:-1]).mean() > 0.9


def test_the_tissue_is_the_same_every_time() -> None:
    one, other = (Tissue(7, (128, 512, 512), 2.2).slice(64) for _ in range(2))
    np.testing.assert_array_equal(one.cell, other.cell)
    np.testing.assert_array_equal(one.border, other.border)


def test_the_culture_shows_three_stains_in_their_colours(organization: Path) -> None:
    source = source_of(organization / "sample_cell_culture")
    assert source.voxel_size.factor == (0.2, 0.2, 0.5)
    assert source.voxel_size.unit is LengthUnit.MICROMETER
    assert [layer.name for layer in source.layers] == ["nuclei", "tubules", "puncta"]
    colors = set()
    for layer in source.layers:
        assert layer.element_class is ElementClass.UINT16
        assert layer.bounding_box.size == (256, 256, 64)
        view = layer.default_view_configuration
        colors.add(tuple(view["color"]))
        low, high = view["intensityRange"]
        image = voxels(organization / "sample_cell_culture", layer.name, MAG_1)
        assert np.quantile(image, 0.001) < low < np.quantile(image, 0.8)
        assert np.quantile(image, 0.9) < high < image.max()
    assert len(colors) == 3


def test_a_second_run_leaves_existing_datasets_alone(organization: Path) -> None:
    marked = organization / NAMES[0] / properties.FILE_NAME
    before = marked.stat()
    assert write_sample_datasets(organization) == []
    assert marked.stat() == before
    assert sorted(p.name for p in organization.iterdir()) == sorted(NAMES)


def test_a_run_that_fails_leaves_nothing_for_the_scan_to_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    organization = tmp_path / "organization"

    def full(*_: object) -> None:
        visible = [p.name for p in organization.iterdir() if not p.name.startswith(".")]
        assert visible == []
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write, "_neuropil", lambda: None)
    monkeypatch.setattr(write, "_write_neuropil", full)
    with pytest.raises(OSError, match="No space"):
        write_sample_datasets(organization)
    assert list(organization.iterdir()) == []
