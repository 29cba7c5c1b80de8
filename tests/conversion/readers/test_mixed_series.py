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
