"""A folder of slices is one image, in the order of people, and what is odd about it is told."""

import pickle
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from conversion.readers import UnreadableImage
from conversion.readers.protocol import Image
from conversion.readers.series import Choice, Found, find_images
from tests.conversion.readers.contract import Case, ReaderContract

SLICES = np.random.default_rng(7).integers(0, 255, (12, 20, 30), np.uint8)


def write_series(folder: Path, name: str = "slice {}.png", slices: NDArray[Any] = SLICES) -> None:
    folder.mkdir(exist_ok=True, parents=True)
    for number, voxels in enumerate(slices):
        write_slice(folder / name.format(number), voxels)


def write_slice(path: Path, voxels: NDArray[Any]) -> None:
    if path.suffix == ".png":
        path.write_bytes(imagecodecs.png_encode(voxels))
    else:
        tifffile.imwrite(path, voxels, metadata=None, rowsperstrip=5)


def only_image(found: Found) -> Image:
    (layer,) = found.layers
    (image,) = layer.images
    return image


class SeriesCase(Case):
    """`path` is one of the slices; what is opened is its folder."""

    def open(self) -> Image:
        return only_image(find_images(self.path.parent))


class TestSeries(ReaderContract):
    @pytest.fixture(params=["slice {}.png", "slice {}.tif", "срез {}.png", "切片{}.tif"])
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> Case:
        folder = tmp_path / "series"
        write_series(folder, request.param)
        return SeriesCase(folder / request.param.format(3), SLICES[None])

    def test_has_nothing_odd(self, case: Case) -> None:
        found = find_images(case.path.parent)
        assert found.layers[0].name == "series"
        assert not found.problems and not found.notes and not only_image(found).info.notes


class TestChannelsAndTimesInNames(ReaderContract):
    """SLICES are 2 times of 2 channels of 3 slices."""

    @pytest.fixture(
        params=["img_c{1}_z{2:03}_t{0}.png", "T{0}Z{2}C{1}.tif", "t{0}_ch{1}_срез {2}.png"]
    )
    def case(self, request: pytest.FixtureRequest, tmp_path: Path) -> Case:
        folder = tmp_path / "series"
        folder.mkdir()
        voxels = SLICES.reshape(2, 2, 3, *SLICES.shape[1:])
        for place in np.ndindex(2, 2, 3):
            time, channel, depth = place
            write_slice(folder / request.param.format(time + 1, channel, depth + 9), voxels[place])
        return SeriesCase(folder / request.param.format(1, 1, 10), voxels)

    def test_is_told(self, case: Case) -> None:
        info = case.open().info
        assert info.axes == ("t", "c", "z", "y", "x")
        assert info.notes[0].startswith("By the names of its files it has 2 channels (")
        assert info.notes[0].endswith(") and 2 points in time.")
        assert len(info.notes) == 1
        assert [name[-1] for name in info.channel_names] == ["0", "1"]


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        (["c0.png", "c1.png"], (2, 1)),
        (["t0.png", "t1.png", "t2.png"], (1, 3)),
        (["em_c4_z1.png", "em_c4_z2.png"], (1, 2)),
        (["c0_z0.png", "c0_z1.png", "c1_z0.png"], (1, 3)),
        (["abc0_z0.png", "abc1_z0.png"], (1, 2)),
        ([f"c{number:03}.png" for number in range(20)], (1, 20)),
    ],
)
def test_names_are_believed_only_where_they_leave_no_doubt(
    names: list[str], shape: tuple[int, int], tmp_path: Path
) -> None:
    for name in names:
        write_slice(tmp_path / name, SLICES[0])
    assert only_image(find_images(tmp_path)).info.shape[:2] == shape


def test_gaps_in_the_numbering_are_told(tmp_path: Path) -> None:
    write_series(tmp_path)
    for number in (3, 6, 7, 8):
        (tmp_path / f"slice {number}.png").unlink()
    info = only_image(find_images(tmp_path)).info
    assert info.length("z") == 8
    assert info.notes == (
        "4 slices are missing from the numbering (3, 6 to 8); the slices around a gap are put "
        "next to each other.",
    )


@pytest.mark.parametrize("numbers", [range(0, 60, 5), range(7, 19), range(98, 102)])
def test_regular_numbers_have_no_gaps(tmp_path: Path, numbers: range) -> None:
    for number in numbers:
        write_slice(tmp_path / f"grid2_z{number}_v1.png", SLICES[0])
    assert not only_image(find_images(tmp_path)).info.notes


def test_slices_of_another_size_are_named_and_can_be_padded(tmp_path: Path) -> None:
    write_series(tmp_path)
    write_slice(tmp_path / "slice 4.png", SLICES[0, :10])
    found = find_images(tmp_path)
    assert not found.layers
    (problem,) = found.problems
    assert [one.file.name for one in problem.odd] == ["slice 4.png"]
    assert problem.choices == (Choice.PAD, Choice.CROP, Choice.SPLIT)
    assert str(problem) == "Most slices are 30 x 20, uint8, but slice 4.png is 30 x 10, uint8."


def test_slices_of_another_type_can_only_be_split(tmp_path: Path) -> None:
    write_series(tmp_path)
    write_slice(tmp_path / "slice 4.png", SLICES[0].astype(np.uint16))
    (problem,) = find_images(tmp_path).problems
    assert problem.choices == (Choice.SPLIT,)


def test_each_folder_is_a_layer(tmp_path: Path) -> None:
    write_series(tmp_path / "color")
    write_series(tmp_path / "more" / "labels", slices=SLICES[:2])
    found = find_images(tmp_path)
    assert [layer.name for layer in found.layers] == ["color", "more_labels"]
    np.testing.assert_array_equal(found.layers[1].images[0].read({}, range(2)), SLICES[:2])


def test_stacks_are_a_layer_each(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tifffile.imwrite(tmp_path / f"{name}.tif", SLICES, photometric="minisblack")
    assert [layer.name for layer in find_images(tmp_path).layers] == ["a", "b"]


def test_what_systems_leave_is_ignored_and_other_files_are_told(tmp_path: Path) -> None:
    write_series(tmp_path)
    for name in ("Thumbs.db", ".DS_Store", "._slice 1.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"hello")
    found = find_images(tmp_path)
    assert only_image(found).info.length("z") == 12
    assert found.notes == ("Left out, since no reader knows them: notes.txt.",)


def test_slices_that_can_be_read_in_bands_stay_so(tmp_path: Path) -> None:
    write_series(tmp_path, "{}.tif")
    write_series(tmp_path / "packed")
    raw, packed = find_images(tmp_path).layers
    assert [raw.images[0].reads_bands, packed.images[0].reads_bands] == [True, False]
    assert pickle.loads(pickle.dumps(raw.images[0])).reads_bands


def test_a_broken_slice_is_named(tmp_path: Path) -> None:
    write_series(tmp_path)
    (tmp_path / "slice 5.png").write_bytes(b"")
    with pytest.raises(UnreadableImage, match=r"slice 5\.png: The file is empty") as refused:
        find_images(tmp_path)
    assert "To convert the rest, take it out of the folder." in str(refused.value)


def test_several_broken_slices_are_counted_and_the_first_are_named(tmp_path: Path) -> None:
    write_series(tmp_path / "cells")
    for number in range(7):
        (tmp_path / "cells" / f"torn {number}.png").write_bytes(b"\x89PNG\r\n\x1a\ntorn")
    with pytest.raises(UnreadableImage) as refused:
        find_images(tmp_path)
    assert str(refused.value).startswith(
        f"cells: 7 of its {len(SLICES) + 7} files can't be read: torn 0.png, torn 1.png, "
        "torn 2.png and 4 more. The first one: It can't be decoded as "
    )


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="The folder is empty"):
        find_images(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UnreadableImage, match=r"no reader knows them: notes\.txt"):
        find_images(tmp_path)


def test_a_slice_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path)
    image = only_image(find_images(tmp_path))
    write_slice(tmp_path / "slice 5.png", SLICES[0, :10])
    with pytest.raises(UnreadableImage, match="changed while it was read"):
        image.read({}, range(12))


def test_x_and_y_of_slices_are_told_but_give_no_voxel_size(tmp_path: Path) -> None:
    for number in range(3):
        options = {"resolution": (1e6, 1e6), "resolutionunit": "CENTIMETER", "metadata": None}
        tifffile.imwrite(tmp_path / f"{number}.tif", SLICES[number], **options)
    info = only_image(find_images(tmp_path)).info
    assert info.voxel_size is None
    assert info.notes == (
        "A voxel is 10 x 10 nm by the TIFF resolution; no distance of slices is given.",
    )


def test_a_real_series(samples: Path) -> None:
    image = only_image(find_images(samples / "tiff_series"))
    files = sorted((samples / "tiff_series").glob("*.tiff"))
    assert image.info.shape == (1, len(files), 265, 265)
    expected = np.stack([tifffile.imread(file) for file in files])
    np.testing.assert_array_equal(image.read({}, range(len(files))), expected)


def test_a_real_dicom_series_is_one_image(samples: Path) -> None:
    assert only_image(find_images(samples / "dicoms")).info.length("z") == 10


def test_real_tiles_in_nested_folders_are_layers(samples: Path) -> None:
    names = [layer.name for layer in find_images(samples / "temca2").layers]
    assert names == ["temca2", "1_60", "1_61", "2_60", "2_61", "40_60", "40_61"]
