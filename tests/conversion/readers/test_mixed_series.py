"""Slices that differ become what a person chose: padded, cropped, or layers of their own."""

import pickle
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from conversion.readers.errors import UnreadableImage
from conversion.readers.mixed_series import resolved
from conversion.readers.protocol import Image
from conversion.readers.sandbox import Sandbox
from conversion.readers.series import Choice, SeriesProblem, find_images

SMALL, LARGE = (4, 5), (6, 3)  # height, width


def _write(path: Path, shape: tuple[int, int], value: int, dtype: type = np.uint8) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(imagecodecs.png_encode(np.full(shape, value, dtype)))


@pytest.fixture
def problem(tmp_path: Path) -> SeriesProblem:
    for z, shape in enumerate([SMALL, SMALL, LARGE]):
        _write(tmp_path / "cells" / f"{z}.png", shape, z + 1)
    (found,) = find_images(tmp_path / "cells").problems
    return found


def _voxels(image: Image) -> np.ndarray:
    return image.read({}, range(image.info.length("z")))


def test_padding_enlarges_to_the_largest_width_and_height(problem: SeriesProblem) -> None:
    (layer,) = resolved(problem, Choice.PAD)
    expected = np.zeros((3, 6, 5), np.uint8)
    expected[0, :4], expected[1, :4], expected[2, :, :3] = 1, 2, 3
    assert layer.name == "cells"
    np.testing.assert_array_equal(_voxels(layer.images[0]), expected)


def test_cropping_cuts_to_the_smallest_width_and_height(problem: SeriesProblem) -> None:
    (layer,) = resolved(problem, Choice.CROP)
    expected = np.empty((3, 4, 3), np.uint8)
    expected[:] = [[[1]], [[2]], [[3]]]
    np.testing.assert_array_equal(_voxels(layer.images[0]), expected)


def test_rows_below_a_padded_slice_are_zeros(problem: SeriesProblem) -> None:
    (layer,) = resolved(problem, Choice.PAD)
    rows = layer.images[0].read({}, range(3), y=range(4, 6))
    assert [plane.max() for plane in rows] == [0, 0, 3]


def test_splitting_makes_a_layer_of_each_kind_the_usual_one_first(
    problem: SeriesProblem,
) -> None:
    layers = resolved(problem, Choice.SPLIT)
    assert [layer.name for layer in layers] == ["cells", "cells_2"]
    assert [_voxels(layer.images[0]).shape for layer in layers] == [(2, *SMALL), (1, *LARGE)]


def test_split_slices_stay_at_their_depth(tmp_path: Path) -> None:
    for z in range(9):
        _write(tmp_path / "cells" / f"{z + 1}.png", LARGE if 3 <= z < 6 else SMALL, z + 1)
    (problem,) = find_images(tmp_path / "cells").problems
    usual, odd = resolved(problem, Choice.SPLIT)
    assert [int(plane.max()) for plane in _voxels(usual.images[0])] == [1, 2, 3, 0, 0, 0, 7, 8, 9]
    assert (usual.z, odd.z) == (0, 3)
    assert [int(plane.min()) for plane in _voxels(odd.images[0])] == [4, 5, 6]
    assert usual.images[0].info.notes[-1] == (
        "It is black at z 3 to 5; the slices from there are in 'cells_2'."
    )
    assert odd.images[0].info.notes[-1] == (
        "It begins at z 3, the place of its first slice in the folder."
    )


def test_channels_that_differ_lie_over_each_other(tmp_path: Path) -> None:
    for z in range(3):
        _write(tmp_path / "cells" / f"z{z}_c0.png", SMALL, z + 1)
        _write(tmp_path / "cells" / f"z{z}_c1.png", LARGE, z + 11)
    (problem,) = find_images(tmp_path / "cells").problems
    layers = resolved(problem, Choice.SPLIT)
    assert [layer.z for layer in layers] == [0, 0]
    said = [note for layer in layers for note in layer.images[0].info.notes]
    assert [_voxels(layer.images[0]).max(axis=(1, 2)).tolist() for layer in layers] == [
        [1, 2, 3],
        [11, 12, 13],
    ]
    assert not any("black" in note or "missing" in note for note in said)
    (padded,) = resolved(problem, Choice.PAD)
    assert padded.images[0].info.channel_names == ("c0", "c1")
    assert padded.images[0].read({"c": 1}, range(3)).max(axis=(1, 2)).tolist() == [11, 12, 13]


def test_slices_that_differ_are_named_by_kind_and_only_the_first_of_many(tmp_path: Path) -> None:
    for z in range(21):
        _write(tmp_path / "a" / f"{z}.png", SMALL if z < 11 else LARGE, 1)
    _write(tmp_path / "a" / "21.png", (1, 1), 1)
    (problem,) = find_images(tmp_path / "a").problems
    assert str(problem) == (
        "Most slices are 5 x 4, uint8, but 11.png, 12.png, 13.png and 7 more are 3 x 6, uint8; "
        "21.png is 1 x 1, uint8."
    )


def test_they_are_read_in_a_sandbox_too(problem: SeriesProblem) -> None:
    (layer,) = resolved(problem, Choice.PAD)
    (image,) = layer.images
    with Sandbox() as sandbox:
        np.testing.assert_array_equal(_voxels(sandbox.open(image)), _voxels(image))
    np.testing.assert_array_equal(_voxels(pickle.loads(pickle.dumps(image))), _voxels(image))


def test_a_slice_that_changed_meanwhile_is_told(problem: SeriesProblem) -> None:
    (layer,) = resolved(problem, Choice.PAD)
    _write(problem.slices[0].file, LARGE, 9)
    with pytest.raises(UnreadableImage, match=r"0\.png: It was changed while it was read"):
        _voxels(layer.images[0])


def test_slices_of_differing_type_can_only_be_split(tmp_path: Path) -> None:
    _write(tmp_path / "a" / "0.png", SMALL, 1)
    _write(tmp_path / "a" / "1.png", SMALL, 1, np.uint16)
    (problem,) = find_images(tmp_path / "a").problems
    assert problem.choices == (Choice.SPLIT,)
    assert len(resolved(problem, Choice.SPLIT)) == 2
