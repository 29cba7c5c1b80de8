"""Two datasets are equal whatever their formats, and a difference is told where it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conversion.tools.comparing import first_difference
from conversion.tools.opened import open_dataset
from datasets.properties import Category, DataFormat
from tests.conversion.tools import datasets_made as made


def difference(one: Path, two: Path, **options: Any) -> str | None:
    return first_difference(open_dataset(one), open_dataset(two), **options)


def test_the_same_voxels_in_another_format_are_equal(tmp_path: Path) -> None:
    zarr = made.make(tmp_path / "zarr", mags=None)
    wkw = made.make(tmp_path / "wkw", mags=None, data_format=DataFormat.WKW)

    assert difference(zarr, wkw) is None


def test_a_differing_box_is_named_with_layer_mag_and_values(tmp_path: Path) -> None:
    data = made.voxels()
    one = made.make(tmp_path / "one", data)
    data = data.copy()
    data[0, 39, 60:62, 130:140] = 200
    two = made.make(tmp_path / "two", data)

    said = difference(one, two)

    assert said is not None
    assert said.startswith("Layer 'color', mag 1: 20 voxels differ in the box 130,60,39,10,2,1 ")
    assert said.endswith(f"the first at 130,60,39: {made.voxels()[0, 39, 60, 130]} against 200.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mags": None}, "the mags differ: 1 against 1, 2-2-1, 4-4-2"),
        ({"data": made.voxels((149, 70, 40))}, "the bounding box differ"),
        ({"data": made.voxels(dtype="uint16")}, "the element class differ: uint8 against uint16"),
        ({"name": "other"}, "The layers differ: color against other"),
        ({"category": Category.SEGMENTATION}, "the category differ: color against segmentation"),
    ],
)
def test_what_the_properties_say_is_compared(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    one = made.make(tmp_path / "one")
    two = made.make(tmp_path / "two", **changes)

    assert words in (difference(one, two) or "")


def test_no_number_equals_itself(tmp_path: Path) -> None:
    data = made.voxels(dtype="float32")
    data[0, 0, 0, :5] = np.nan
    one, two = made.make(tmp_path / "one", data), made.make(tmp_path / "two", data)

    assert difference(one, two) is None
