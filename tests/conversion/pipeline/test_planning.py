"""What is planned of what was found: names, categories, voxel sizes, mags, and what is refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conversion.pipeline.filters import Filter
from conversion.pipeline.mags import Sampling
from conversion.pipeline.options import Options
from conversion.pipeline.plan import Plan
from conversion.pipeline.planning import Finding, FoundImage, FoundLayer, PlanProblem, planned
from conversion.pipeline.planning.names import named
from conversion.pipeline.sources import Source
from datasets.properties import Category, DataFormat, LengthUnit, Mag, Vec3Float, VoxelSize

SIZE = VoxelSize(factor=(4, 4, 40))


class Nothing(Source):
    """A source that only says what it is."""

    def __init__(self, dtype: str, channels: int, depth: int, file: Path) -> None:
        self.shape = (512, 512, depth)
        self.dtype = np.dtype(dtype)
        self.num_channels = channels
        self.files = (file,)

    def read(self, index: Mapping[str, int], z: range, y: range, out: Any) -> None:
        raise AssertionError("planning reads no voxels here")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "image.tif"
    path.write_bytes(b"voxels")
    return path


def found(
    file: Path,
    name: str = "cells",
    *,
    dtype: str = "uint8",
    channels: int = 1,
    depth: int = 128,
    size: VoxelSize | None = SIZE,
    category: Category = Category.COLOR,
    axes: tuple[tuple[str, int], ...] = (),
) -> FoundLayer:
    source = Nothing(dtype, channels, depth, file)
    image = FoundImage(
        name=name,
        format="TIFF",
        shape=source.shape,
        element_type=dtype,
        channels=("",),
        axes=axes,
        voxel_size=size,
        voxel_size_source="the OME-XML",
        files=1,
        stored_bytes=6,
    )
    return FoundLayer(name, image, source, category, view={"color": [1, 2, 3]})


def plan(layers: FoundLayer | list[FoundLayer], **options: Any) -> Plan:
    layers = [layers] if isinstance(layers, FoundLayer) else layers
    images = tuple(dict.fromkeys(layer.image for layer in layers))
    return planned(Finding(Path("/data/in"), images, tuple(layers)), Options(**options))


def refusal(layers: FoundLayer | list[FoundLayer], **options: Any) -> str:
    with pytest.raises(PlanProblem) as problem:
        plan(layers, **options)
    return str(problem.value)


def test_without_options_the_files_decide(file: Path) -> None:
    made = plan(found(file))
    (layer,) = made.layers
    assert (made.voxel_size, made.voxel_size_source) == (SIZE, "the OME-XML")
    assert (layer.name, layer.category, layer.filter) == ("cells", "color", Filter.MEDIAN)
    assert [mag.literal for mag in layer.mags] == ["1", "2-2-1", "4-4-1", "8-8-1"]
    assert layer.data_format is DataFormat.ZARR3
    assert layer.view == {"color": [1, 2, 3]}


def test_segmentations_keep_the_value_that_most_voxels_have(file: Path) -> None:
    segmentation = found(file, dtype="uint32", category=Category.SEGMENTATION)
    assert plan(segmentation).layers[0].filter is Filter.MODE
    assert plan(segmentation, filter=Filter.MEAN).layers[0].filter is Filter.MEAN


def test_what_a_person_says_wins(file: Path) -> None:
    given = VoxelSize(factor=(1, 1, 2), unit=LengthUnit.MICROMETER)
    made = plan(
        found(file),
        voxel_size=given,
        layer_name="nuclei",
        category=Category.SEGMENTATION,
        name="My dataset",
    )
    (layer,) = made.layers
    assert (made.voxel_size, made.voxel_size_source) == (given, "the options")
    assert (layer.name, layer.category, layer.view) == ("nuclei", "segmentation", {})
    assert made.name == "My dataset"


def test_an_unknown_voxel_size_is_asked_for_with_the_option_that_gives_it(file: Path) -> None:
    said = refusal(found(file, size=None))
    assert said.startswith("The size of a voxel is not known.")
    assert "--voxel-size 4,4,40 --unit nanometer" in said


def test_of_voxel_sizes_that_disagree_the_finest_is_taken_and_the_others_are_told(
    file: Path,
) -> None:
    coarse = VoxelSize(factor=(0.01, 0.01, 0.05), unit=LengthUnit.MICROMETER)
    made = plan([found(file, "a", size=coarse), found(file, "b"), found(file, "c", size=None)])
    assert made.voxel_size == SIZE
    assert made.notes == (
        "'a' has voxels of 0.01 x 0.01 x 0.05 µm, but a dataset has one voxel size: that of 'b', "
        "4 x 4 x 40 nm, is taken for all.",
    )


def test_the_same_size_in_another_unit_is_no_disagreement(file: Path) -> None:
    same = VoxelSize(factor=(0.004, 0.004, 0.04), unit=LengthUnit.MICROMETER)
    assert plan([found(file, "a", size=same), found(file, "b")]).notes == ()


@pytest.mark.parametrize(
    ("called", "name", "is_shown"),
    [
        ("my stack (1)", "my_stack__1_", True),
        ("Zürich", "Zurich", True),
        ("Zu\u0308rich", "Zurich", True),
        ("клетки", "layer", False),
        ("клетки_01", "layer_01", False),
        ("细胞 membrane", "membrane", False),
        ("🔬", "layer", False),
        (".hidden", "hidden", True),
        ("x" * 300, "x" * 200, False),
    ],
)
def test_a_name_in_any_script_becomes_one_that_every_client_takes(
    called: str, name: str, is_shown: bool
) -> None:
    assert named(called) == (name, "" if is_shown else called)


def test_every_layer_gets_a_name_of_its_own(file: Path) -> None:
    layers = [found(file, name) for name in ("a", "a", "a_2", "b")]
    assert [layer.name for layer in plan(layers).layers] == ["a", "a_2", "a_2_2", "b"]
    named = plan(layers, layer_name="raw").layers
    assert [layer.name for layer in named] == ["raw_a", "raw_a_2", "raw_a_2_2", "raw_b"]


@pytest.mark.parametrize("name", ["a/b", ".hidden", "naïve", ""])
def test_a_name_that_no_layer_can_have_is_refused(file: Path, name: str) -> None:
    assert "can't be the name of a layer" in refusal(found(file), layer_name=name)


@pytest.mark.parametrize(("dtype", "channels"), [("float32", 1), ("uint8", 3)])
def test_numbers_that_are_no_ids_are_no_segmentation(file: Path, dtype: str, channels: int) -> None:
    layer = found(file, dtype=dtype, channels=channels)
    assert "no segment ids" in refusal(layer, category=Category.SEGMENTATION)


@pytest.mark.parametrize(
    ("options", "mags"),
    [
        ({"downsample": False}, "1"),
        ({"max_mag": Mag(4, 4, 4)}, "1 2-2-1 4-4-1"),
        ({"sampling": Sampling.ISOTROPIC}, "1 2 4 8"),
        ({"sampling": Sampling.CONSTANT_Z, "max_mag": Mag(2, 2, 2)}, "1 2-2-1"),
    ],
)
def test_mags_are_chosen_by_options(file: Path, options: dict[str, Any], mags: str) -> None:
    assert " ".join(mag.literal for mag in plan(found(file), **options).layers[0].mags) == mags


def test_a_single_slice_is_not_made_thinner(file: Path) -> None:
    cubes = VoxelSize(factor=(4, 4, 4))
    mags = plan(found(file, depth=1, size=cubes)).layers[0].mags
    assert {mag.z for mag in mags} == {1}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_mag": Mag(6, 6, 6)}, "not made of powers of two"),
        ({"max_mag": Mag(2, 1, 4)}, "Mag 2-1-4 is not reached"),
        ({"chunk_shape": (30, 32, 32)}, "Chunks of 30,32,32 voxels can't be written"),
        ({"chunk_shape": (1, 32, 32)}, "too small to make mag 2-2-1 of mag 1"),
        ({"chunk_shape": (4, 4, 4)}, "would have 16,777,216 chunks of 4,4,4"),
        ({"chunk_shape": (1024, 1024, 128)}, "larger than 64 MiB"),
        ({"shard_shape": (100, 128, 128)}, "not made of whole chunks"),
        ({"data_format": DataFormat.WKW, "shard_shape": (64, 64, 64)}, "WKW has blocks"),
    ],
)
def test_what_can_not_be_written_is_refused(file: Path, options: dict[str, Any], said: str) -> None:
    assert said in refusal(found(file), **options)


def test_wkw_has_no_additional_axes(file: Path) -> None:
    layer = found(file, axes=(("t", 7),))
    assert "additional axis t, which WKW can't store" in refusal(layer, data_format=DataFormat.WKW)
    assert plan(layer).layers[0].axes == (("t", 7),)


def test_plans_are_told_apart_by_what_decides_the_output(file: Path) -> None:
    def fingerprint(**options: Any) -> str:
        return plan(found(file), **options).fingerprint

    different: list[Vec3Float] = [(4, 4, 40), (4, 4, 41)]
    prints = {fingerprint(voxel_size=VoxelSize(factor=factor)) for factor in different}
    prints |= {fingerprint(layer_name="other"), fingerprint(name="other")}
    assert len(prints) == 4
    assert fingerprint() == fingerprint()
    before = fingerprint()
    file.write_bytes(b"changed voxels")
    assert fingerprint() != before
