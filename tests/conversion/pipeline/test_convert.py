"""Whatever its shape, type and budget, a converted layer is what its whole array gives."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaozarrs
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from conversion.pipeline.columns import Budget
from conversion.pipeline.convert import TargetProblem, convert, discard
from conversion.pipeline.downsample import Filter
from conversion.pipeline.image_source import ImageSource
from conversion.pipeline.progress import Progress
from conversion.readers.sandbox import Sandbox
from datasets import properties
from datasets.properties import BoundingBox, Category, ElementClass, Mag, Vec3Int
from tests.conversion.pipeline.making import (
    MAGS,
    TINY,
    MemorySource,
    assert_layer,
    plan_of,
    planned,
    random_voxels,
    stored,
    wkw,
)
from tests.conversion.pipeline.reading import files_below


@pytest.fixture(autouse=True)
def _fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    directory = tmp_path / "datasets"
    directory.mkdir()
    return directory / "dataset"


SHAPES: list[Vec3Int] = [
    (1, 1, 1),
    (40, 50, 1),
    (40, 50, 33),
    (5, 3, 200),
    (31, 4097, 5),
    (40, 1100, 150),
    (129, 65, 129),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("budget", [TINY, Budget()], ids=["tiny", "usual"])
def test_every_mag_of_any_shape_is_right(target: Path, shape: Vec3Int, budget: Budget) -> None:
    voxels = random_voxels(shape)
    source = convert(plan_of(planned(MemorySource(voxels))), target, budget=budget)
    assert_layer(target, source.layers[0], voxels)


@pytest.mark.parametrize("shape", [(40, 50, 33), (31, 2100, 5), (70, 130, 150)])
def test_wkw_of_any_shape_is_right(target: Path, shape: Vec3Int) -> None:
    voxels = random_voxels(shape)
    source = convert(plan_of(planned(MemorySource(voxels), **wkw())), target, budget=TINY)
    assert_layer(target, source.layers[0], voxels)
    assert source.layers[0].mags[0].cube_length == 64


@pytest.mark.parametrize(
    ("dtype", "channels", "filter_"),
    [
        ("float32", 1, Filter.MEDIAN),
        ("uint8", 3, Filter.MEDIAN),
        ("uint16", 2, Filter.MEAN),
        ("uint32", 1, Filter.MODE),
        ("int16", 1, Filter.MEDIAN),
        ("uint64", 1, Filter.MODE),
    ],
)
def test_every_mag_of_any_type_is_right(
    target: Path, dtype: str, channels: int, filter_: Filter
) -> None:
    voxels = random_voxels((40, 1100, 70), dtype, channels)
    layer = planned(MemorySource(voxels), filter=filter_)
    source = convert(plan_of(layer), target, budget=TINY)
    assert_layer(target, source.layers[0], voxels, filter_)
    assert source.layers[0].element_class == ElementClass.of(voxels.dtype, channels)


@settings(deadline=None, max_examples=25)
@given(
    shape=st.tuples(st.integers(1, 70), st.integers(1, 2300), st.integers(1, 150)),
    shard=st.sampled_from([(16, 16, 16), (64, 64, 32), (32, 1024, 64), (64, 64, 128), None]),
    mags=st.sampled_from(
        [
            MAGS,
            (Mag(1, 1, 1), Mag(2, 2, 2), Mag(4, 4, 4), Mag(8, 8, 8)),
            (Mag(1, 1, 1), Mag(2, 1, 1), Mag(4, 4, 4), Mag(16, 16, 8)),
            (Mag(2, 2, 1), Mag(8, 8, 4)),
        ]
    ),
    slab_bytes=st.integers(14, 18).map(lambda bits: 1 << bits),
    reads_bands=st.booleans(),
)
def test_random_layers_are_right(
    tmp_path_factory: pytest.TempPathFactory,
    shape: Vec3Int,
    shard: Vec3Int | None,
    mags: tuple[Mag, ...],
    slab_bytes: int,
    reads_bands: bool,
) -> None:
    target = tmp_path_factory.mktemp("random") / "dataset"
    voxels = random_voxels(shape)
    layer = planned(MemorySource(voxels, reads_bands=reads_bands), mags=mags, shard_shape=shard)
    budget = Budget(slab_bytes=slab_bytes, column_bytes=4 * slab_bytes)
    source = convert(plan_of(layer), target, budget=budget)
    assert_layer(target, source.layers[0], voxels)


@pytest.mark.parametrize("depth", [33, 65, 129, 130, 131])
def test_what_is_mirrored_may_lie_in_the_slab_or_column_before(target: Path, depth: int) -> None:
    """A block of four slices, of which the layer has one, is mirrored from the three before it."""
    voxels = random_voxels((20, 1025, depth))
    mags = (Mag(1, 1, 1), Mag(4, 4, 4), Mag(16, 16, 16))
    source = convert(plan_of(planned(MemorySource(voxels), mags=mags)), target, budget=TINY)
    assert_layer(target, source.layers[0], voxels)


def test_each_index_of_additional_axes_is_a_volume_of_its_own(target: Path) -> None:
    voxels = random_voxels((40, 50, 40), times=(3, 2))
    axes = (("t", 3), ("angle", 2))
    layer = planned(MemorySource(voxels, axes=("t", "angle")), axes=axes)
    (written,) = convert(plan_of(layer), target, budget=TINY).layers
    assert [(axis.name, axis.bounds, axis.index) for axis in written.additional_axes] == [
        ("t", (0, 3), 0),
        ("angle", (0, 2), 1),
    ]
    for t, angle in np.ndindex(3, 2):
        assert_layer(target, written, voxels[t, angle], index={"t": t, "angle": angle})
    array = zarr.open_array(target / "layer" / "1", mode="r")
    assert array.metadata.dimension_names == ("t", "angle", "c", "x", "y", "z")


def test_time_is_an_axis_of_ome_ngff_and_others_are_left_out(target: Path) -> None:
    layers = [
        planned(
            MemorySource(random_voxels((9, 8, 7), times=(2,)), axes=(axis,)),
            axis,
            axes=((axis, 2),),
        )
        for axis in ("t", "angle")
    ]
    convert(plan_of(*layers), target)
    document = (target / "t/zarr.json").read_bytes()
    group = yaozarrs.validate_ome_json(document, yaozarrs.v05.OMEZarrGroupJSON)
    (multiscale,) = group.attributes.ome.multiscales
    assert [axis.name for axis in multiscale.axes] == ["t", "c", "x", "y", "z"]
    assert zarr.open_group(target / "angle", mode="r").attrs.asdict() == {}


def test_an_offset_is_part_of_the_array_and_of_the_bounding_box(target: Path) -> None:
    voxels = random_voxels((40, 1050, 40))
    layer = planned(MemorySource(voxels), offset=(33, 1100, 70), chunk_shape=(16, 16, 16))
    (written,) = convert(plan_of(layer), target, budget=TINY).layers
    assert written.bounding_box == BoundingBox.of((33, 1100, 70), (40, 1050, 40))
    padded = np.pad(voxels, [(0, 0), (70, 0), (1100, 0), (33, 0)])
    assert_layer(target, written, padded)


def test_the_largest_segment_id_of_all_columns_is_found(target: Path) -> None:
    voxels = random_voxels((40, 1100, 200), "uint32")
    voxels[0, 199, 1, 3] = 2**32 - 2
    cells = planned(
        MemorySource(voxels), category=Category.SEGMENTATION, filter=Filter.MODE, mags=MAGS
    )
    image = planned(MemorySource(voxels), "image")
    source = convert(plan_of(cells, image), target, budget=TINY)
    assert [layer.largest_segment_id for layer in source.layers] == [2**32 - 2, None]


def test_a_layer_of_zeros_has_no_files_of_voxels(target: Path) -> None:
    (layer,) = convert(
        plan_of(planned(MemorySource(np.zeros((1, 150, 1100, 20), np.uint8)))), target, budget=TINY
    ).layers
    assert all(name.endswith(".json") for name in files_below(target))
    assert not stored(target, layer, MAGS[1]).any()


def test_the_properties_are_those_of_the_plan(target: Path) -> None:
    view = {"color": [255, 0, 0]}
    layer = planned(MemorySource(random_voxels((9, 8, 7))), view=view)
    returned = convert(plan_of(layer), target)
    read = properties.read(target / properties.FILE_NAME)
    assert read == returned
    assert read.id["name"] == "dataset"
    assert read.layers[0].default_view_configuration == view


def test_images_are_read_in_the_sandbox(tmp_path: Path, target: Path) -> None:
    voxels = random_voxels((300, 400, 40), "uint16")
    folder = tmp_path / "slices"
    folder.mkdir()
    for number, plane in enumerate(voxels[0]):
        tifffile.imwrite(folder / f"{number:03}.tif", plane, compression="lzw", rowsperstrip=400)
    colors = np.random.default_rng(1).integers(0, 255, (5, 60, 70, 3), np.uint8)
    tifffile.imwrite(tmp_path / "rgb.tif", colors, photometric="rgb")
    budget = Budget(slab_bytes=1 << 20)
    with Sandbox() as sandbox:
        (slices,) = sandbox.find_images(folder).layers
        (rgb,) = sandbox.find_images(tmp_path / "rgb.tif").layers
        layers = [
            planned(ImageSource(slices.images[0]), "slices"),
            planned(ImageSource(rgb.images[0]), "rgb"),
        ]
        source = convert(plan_of(*layers), target, budget=budget)
    assert_layer(target, source.layers[0], voxels)
    assert_layer(target, source.layers[1], np.moveaxis(colors, -1, 0))
    assert source.layers[1].element_class is ElementClass.UINT24


def test_every_slice_is_read_once_in_bands_that_fit_the_budget(target: Path) -> None:
    source = MemorySource(random_voxels((64, 2048, 100)))
    convert(plan_of(planned(source)), target, budget=Budget(slab_bytes=1 << 17))
    assert all(len(z) * len(y) * 64 <= 1.5 * (1 << 17) for z, y in source.reads)
    assert sum(len(z) * len(y) for z, y in source.reads) == 100 * 2048


def test_slices_that_can_not_be_read_in_bands_are_decoded_once(target: Path) -> None:
    voxels = random_voxels((64, 2048, 100))
    source = MemorySource(voxels, reads_bands=False)
    (layer,) = convert(
        plan_of(planned(source)), target, budget=Budget(slab_bytes=1 << 18, column_bytes=1)
    ).layers
    assert all(y == range(2048) for _, y in source.reads)
    assert sum(len(z) for z, _ in source.reads) == 100
    assert max(len(z) for z, _ in source.reads) * 64 * 2048 <= 1 << 18
    assert_layer(target, layer, voxels)


def test_scratch_is_used_and_left_empty(tmp_path: Path, target: Path) -> None:
    scratch = tmp_path / "scratch"
    source = MemorySource(random_voxels((64, 2048, 40)), reads_bands=False)
    with pytest.raises(FileNotFoundError, match="scratch"):
        convert(plan_of(planned(source)), target, scratch=scratch, budget=TINY)
    scratch.mkdir()
    convert(plan_of(planned(source)), target, scratch=scratch, budget=TINY)
    assert list(scratch.iterdir()) == []


def test_progress_is_told_by_bytes_and_never_goes_back(target: Path) -> None:
    told: list[Progress] = []
    voxels = random_voxels((64, 2048, 200))
    convert(plan_of(planned(MemorySource(voxels))), target, report=told.append, budget=TINY)
    done = [progress.done_bytes for progress in told]
    assert done == sorted(done)
    assert {progress.total_bytes for progress in told} == {voxels.nbytes}
    assert done[-1] == voxels.nbytes
    assert "Converting layer" in {progress.stage for progress in told}


def test_what_lies_at_the_target_is_only_replaced_when_asked_for(target: Path) -> None:
    target.mkdir()
    (target / "precious").touch()
    voxels = random_voxels((40, 50, 33))
    plan = plan_of(planned(MemorySource(voxels)))
    with pytest.raises(TargetProblem, match="is there already"):
        convert(plan, target)
    assert files_below(target.parent) == ["dataset/precious"]
    source = convert(plan, target, overwrite=True)
    assert not (target / "precious").exists()
    assert_layer(target, source.layers[0], voxels)
    assert [path.name for path in target.parent.iterdir()] == ["dataset"]


def test_an_older_dataset_stays_until_the_new_one_is_whole(target: Path) -> None:
    target.mkdir()
    (target / "precious").touch()

    def fail(z: range) -> None:
        assert (target / "precious").exists()
        if z.start > 32:
            raise OSError("the storage is gone")

    source = MemorySource(random_voxels((40, 50, 100)), before_read=fail)
    with pytest.raises(OSError, match="the storage is gone"):
        convert(plan_of(planned(source)), target, overwrite=True)
    assert (target / "precious").exists()
    discard(target)
    assert files_below(target.parent) == ["dataset/precious"]


def test_mags_that_do_not_follow_from_each_other_are_refused(target: Path) -> None:
    layer = planned(MemorySource(random_voxels((9, 8, 7))), mags=(Mag(1, 1, 1), Mag(3, 3, 3)))
    with pytest.raises(ValueError, match="Mag 3 can't be made of mag 1"):
        convert(plan_of(layer), target)


def test_wkw_has_no_place_for_additional_axes(target: Path) -> None:
    voxels = random_voxels((9, 8, 7), times=(2,))
    layer = planned(MemorySource(voxels, axes=("t",)), **wkw(axes=(("t", 2),)))
    with pytest.raises(ValueError, match="none for t"):
        convert(plan_of(layer), target)
