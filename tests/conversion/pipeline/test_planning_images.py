"""What becomes of image files: channels, colours, categories, names, axes, series that differ."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from conversion.pipeline.options import Options
from conversion.pipeline.planning import Finding, PlanProblem, find, plan_conversion, planned
from conversion.readers.raw import RawDescription
from conversion.readers.sandbox import Sandbox
from conversion.readers.series import Choice
from datasets.properties import VoxelSize

SIZED = Options(voxel_size=VoxelSize(factor=(4, 4, 40)))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


def ome(path: Path, shape: tuple[int, ...], axes: str, **metadata: object) -> Path:
    sizes = {f"PhysicalSize{axis}": 0.5 for axis in "XYZ"}
    units = {f"PhysicalSize{axis}Unit": "µm" for axis in "XYZ"}
    tifffile.imwrite(
        path,
        np.arange(np.prod(shape), dtype=np.uint16).reshape(shape),
        ome=True,
        photometric="minisblack",
        metadata={"axes": axes, **sizes, **units, **metadata},
    )
    return path


def names(finding: Finding) -> list[str]:
    return [layer.name for layer in finding.layers]


def all_voxels(finding: Finding, number: int, **index: int) -> np.ndarray:
    source = finding.layers[number].source
    width, height, depth = source.shape
    out = np.empty((source.num_channels, depth, height, width), source.dtype)
    source.read(index, range(depth), range(height), out)
    return out


def test_channels_become_layers_with_their_names_and_colours(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    file = ome(
        tmp_path / "cells.ome.tif",
        (2, 3, 4, 5),
        "CZYX",
        Channel={"Name": ["DAPI", "GFP 488"], "Color": [0x0000FFFF, 0x00FF00FF]},
    )
    finding = find(file, Options(), sandbox)
    assert names(finding) == ["DAPI", "GFP_488"]
    assert [layer.view for layer in finding.layers] == [
        {"color": [0, 0, 255]},
        {"color": [0, 255, 0]},
    ]
    expected = np.arange(120, dtype=np.uint16).reshape(2, 1, 3, 4, 5)
    for number in range(2):
        np.testing.assert_array_equal(all_voxels(finding, number), expected[number])


def test_channels_without_names_are_numbered(tmp_path: Path, sandbox: Sandbox) -> None:
    finding = find(ome(tmp_path / "cells.ome.tif", (2, 3, 4, 5), "CZYX"), Options(), sandbox)
    assert names(finding) == ["cells_0", "cells_1"]


def test_time_becomes_an_additional_axis(tmp_path: Path, sandbox: Sandbox) -> None:
    file = ome(tmp_path / "film.ome.tif", (2, 3, 4, 5), "TZYX")
    plan = plan_conversion(file, Options(), sandbox)
    assert plan.layers[0].axes == (("t", 2),)
    expected = np.arange(60, 120, dtype=np.uint16).reshape(1, 3, 4, 5)
    np.testing.assert_array_equal(all_voxels(find(file, Options(), sandbox), 0, t=1), expected)


def test_the_voxel_size_is_the_files_and_its_source_is_told(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    plan = plan_conversion(ome(tmp_path / "a.ome.tif", (3, 4, 5), "ZYX"), Options(), sandbox)
    assert (plan.voxel_size.factor, plan.voxel_size.unit) == ((0.5, 0.5, 0.5), "micrometer")
    assert plan.voxel_size_source == "the OME-XML"


def test_rgb_of_bytes_stays_one_layer(tmp_path: Path, sandbox: Sandbox) -> None:
    colors = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    tifffile.imwrite(tmp_path / "a.tif", colors, photometric="rgb")
    finding = find(tmp_path / "a.tif", Options(), sandbox)
    assert names(finding) == ["a"]
    np.testing.assert_array_equal(all_voxels(finding, 0)[:, 0], colors.transpose(2, 0, 1))


def test_wider_rgb_becomes_three_layers_and_that_is_told(tmp_path: Path, sandbox: Sandbox) -> None:
    colors = np.arange(60, dtype=np.uint16).reshape(4, 5, 3) * 1000
    tifffile.imwrite(tmp_path / "a.tif", colors, photometric="rgb")
    finding = find(tmp_path / "a.tif", Options(), sandbox)
    assert names(finding) == ["a_red", "a_green", "a_blue"]
    assert finding.layers[1].view == {"color": [0, 255, 0]}
    np.testing.assert_array_equal(all_voxels(finding, 1)[0, 0], colors[..., 1])
    assert any("red, green and blue become three" in note for note in finding.notes)


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("my_segmentation", "segmentation"),
        ("NucleiLabels", "segmentation"),
        ("cell-mask", "segmentation"),
        ("label_3", "segmentation"),
        ("seg", "segmentation"),
        ("unmasked", "color"),
        ("segment_of_brain", "color"),
    ],
)
def test_integers_are_a_segmentation_by_their_name(
    tmp_path: Path, sandbox: Sandbox, name: str, category: str
) -> None:
    tifffile.imwrite(tmp_path / f"{name}.tif", np.ones((4, 5), np.uint8))
    (layer,) = find(tmp_path / f"{name}.tif", Options(), sandbox).layers
    assert layer.category == category


def test_the_folder_given_may_name_a_segmentation(tmp_path: Path, sandbox: Sandbox) -> None:
    (tmp_path / "labels").mkdir()
    tifffile.imwrite(tmp_path / "labels" / "stack.tif", np.ones((2, 4, 5), np.uint16))
    (layer,) = find(tmp_path / "labels", Options(), sandbox).layers
    assert (layer.category, layer.category_reason) == ("segmentation", "the name 'labels'")


def test_floats_and_colours_are_no_segmentation_whatever_their_name(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    tifffile.imwrite(tmp_path / "labels.tif", np.ones((4, 5), np.float32))
    tifffile.imwrite(tmp_path / "mask.tif", np.ones((4, 5, 3), np.uint8), photometric="rgb")
    for name in ("labels", "mask"):
        (layer,) = find(tmp_path / f"{name}.tif", Options(), sandbox).layers
        assert layer.category == "color"


def test_wide_integers_are_a_segmentation_where_they_form_areas(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    areas = np.repeat(np.arange(8, dtype=np.uint32), 8)[None].repeat(20, axis=0)
    noise = np.random.default_rng(1).integers(1, 60000, (20, 64), np.uint32)
    for name, voxels in {"areas": areas, "noise": noise}.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", voxels)
    found = {
        name: find(tmp_path / f"{name}.tif", Options(), sandbox).layers[0].category
        for name in ("areas", "noise")
    }
    assert found == {"areas": "segmentation", "noise": "color"}


def test_folders_in_a_folder_become_layers(tmp_path: Path, sandbox: Sandbox) -> None:
    for folder in ("red", "細胞", "labels"):
        (tmp_path / folder).mkdir()
        for z in range(2):
            tifffile.imwrite(tmp_path / folder / f"{z}.tif", np.full((4, 5), z, np.uint8))
    plan = plan_conversion(tmp_path, SIZED, sandbox)
    found = {layer.name: (layer.category, layer.shape) for layer in plan.layers}
    assert found == {
        "labels": ("segmentation", (5, 4, 2)),
        "red": ("color", (5, 4, 2)),
        "layer": ("color", (5, 4, 2)),
    }


@pytest.fixture
def differing(tmp_path: Path) -> Path:
    folder = tmp_path / "cells"
    folder.mkdir()
    for z, shape in enumerate([(4, 5), (4, 5), (6, 3)]):
        tifffile.imwrite(folder / f"{z}.tif", np.full(shape, z + 1, np.uint8))
    return folder


def test_slices_that_differ_are_named_with_what_can_be_done(
    differing: Path, sandbox: Sandbox
) -> None:
    with pytest.raises(PlanProblem) as problem:
        plan_conversion(differing, SIZED, sandbox)
    said = str(problem.value)
    assert "Most slices are 5 x 4, uint8, but 2.tif is 3 x 6, uint8." in said
    for choice in ("pad", "crop", "split"):
        assert f"--differing {choice}" in said


@pytest.mark.parametrize(
    ("choice", "shapes"),
    [("pad", [(5, 6, 3)]), ("crop", [(3, 4, 3)]), ("split", [(5, 4, 2), (3, 6, 1)])],
)
def test_slices_that_differ_are_brought_together_as_chosen(
    differing: Path, sandbox: Sandbox, choice: str, shapes: list[tuple[int, int, int]]
) -> None:
    finding = find(differing, Options(differing=Choice(choice)), sandbox)
    assert [layer.source.shape for layer in finding.layers] == shapes
    for number in range(len(shapes)):
        assert all_voxels(finding, number)[0, 0, 0, 0] == (3 if number else 1)
    depths = [layer.offset[2] for layer in planned(finding, SIZED).layers]
    assert depths == [0, 2][: len(shapes)]


def test_segment_ids_are_seen_where_the_middle_is_black(tmp_path: Path, sandbox: Sandbox) -> None:
    for z, dtype in enumerate((np.uint32, np.uint8, np.uint32)):
        tifffile.imwrite(tmp_path / f"{z}.tif", np.full((4, 5), z + 1, dtype))
    ids, image = find(tmp_path, Options(differing=Choice.SPLIT), sandbox).layers
    assert (ids.category, image.category) == ("segmentation", "color")


def test_a_choice_that_does_not_help_is_told(tmp_path: Path, sandbox: Sandbox) -> None:
    for z, dtype in enumerate((np.uint8, np.uint16)):
        tifffile.imwrite(tmp_path / f"{z}.tif", np.ones((4, 5), dtype))
    with pytest.raises(PlanProblem, match=r"can't be brought together by 'pad'.*Choose --diff"):
        plan_conversion(tmp_path, Options(differing=Choice.PAD), sandbox)


def test_raw_voxels_are_read_as_a_person_describes_them(tmp_path: Path, sandbox: Sandbox) -> None:
    voxels = np.arange(60, dtype=">u2").reshape(3, 4, 5)
    file = tmp_path / "volume.raw"
    file.write_bytes(b"head" + voxels.tobytes())
    described = RawDescription(file, (5, 4, 3), "uint16", "big", offset=4)
    finding = find(file, Options(raw=described), sandbox)
    assert names(finding) == ["volume"]
    np.testing.assert_array_equal(all_voxels(finding, 0)[0], voxels)


def test_every_process_makes_the_same_plan(tmp_path: Path, sandbox: Sandbox) -> None:
    file = ome(tmp_path / "cells.ome.tif", (2, 3, 4, 5), "CZYX")
    with Sandbox() as other:
        plans = [plan_conversion(file, Options(), one) for one in (sandbox, other)]
    assert plans[0].fingerprint == plans[1].fingerprint


def test_which_file_became_which_layer_is_told_where_names_do_not_show_it(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    for name in ("cells", "клетки", "细胞"):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.zeros((2, 3, 5), np.uint8))
    finding = find(tmp_path, Options(), sandbox)

    plan = planned(finding, SIZED)

    assert names(finding) == ["cells", "layer", "layer_2"]
    assert [layer.name for layer in plan.layers] == ["cells", "layer", "layer_2"]
    assert plan.notes[-2:] == ("'клетки' becomes layer 'layer'.", "'细胞' becomes layer 'layer_2'.")
