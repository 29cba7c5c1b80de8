"""Layers get the mags that `webknossos convert` 4.3.3 makes; the table is what it answered."""

import pytest

from conversion.pipeline.mags import mag_ladder
from datasets.properties import Vec3Float, Vec3Int


@pytest.mark.parametrize(
    ("voxel_size", "shape", "coarser"),
    [
        ((1, 1, 1), (512, 512, 128), "2 4 8"),
        ((1, 1, 1), (6400, 100, 10), "2 4 8 16 32 64"),
        ((1, 1, 1), (6401, 100, 10), "2 4 8 16 32 64 128"),
        ((1, 1, 1), (3, 3, 1000), "2 4"),
        ((4, 4, 40), (100, 100, 100), "2-2-1 4-4-1"),
        ((4, 4, 40), (2048, 2048, 256), "2-2-1 4-4-1 8-8-1 16-16-2 32-32-4"),
        (
            (4, 4, 40),
            (12800, 8000, 5000),
            "2-2-1 4-4-1 8-8-1 16-16-2 32-32-4 64-64-8 128-128-16",
        ),
        ((11.24, 11.24, 25), (512, 512, 128), "2-2-1 4-4-2 8-8-4"),
        ((11.24, 11.24, 25), (401, 400, 5), "2-2-1 4-4-2 8-8-4"),
        ((8, 8, 40), (2048, 2048, 256), "2-2-1 4-4-1 8-8-2 16-16-4 32-32-8"),
        ((0.2, 0.2, 0.5), (512, 512, 128), "2-2-1 4-4-2 8-8-4"),
        ((1, 10, 40), (6401, 100, 10), "2-1-1 4-1-1 8-1-1 16-1-1 32-2-1 64-8-2 128-16-4"),
        ((4, 5, 40), (2048, 2048, 256), "2-1-1 4-2-1 8-4-1 16-16-2 32-32-4"),
        ((10, 10, 1), (2048, 2048, 256), "1-1-2 1-1-4 1-1-8 2-2-16 4-4-32"),
        ((1, 2, 3), (2048, 2048, 256), "2-1-1 4-2-1 8-4-2 16-8-4 32-16-8"),
        # A tie: doubling all axes, or only x, leaves voxels 1.6 times as long as wide.
        ((20, 25, 32), (2048, 2048, 256), "2-1-1 4-4-2 8-8-4 16-16-8 32-32-16"),
        ((35, 4, 4), (2048, 2048, 256), "1-2-2 1-4-4 1-8-8 2-16-16 4-32-32"),
        ((1, 3, 1000), (2048, 2048, 256), "2-1-1 4-1-1 8-2-1 16-4-1 32-8-1"),
    ],
)
def test_the_ladder_is_that_of_webknossos_convert(
    voxel_size: Vec3Float, shape: Vec3Int, coarser: str
) -> None:
    literals = [mag.literal for mag in mag_ladder(shape, voxel_size)]
    assert literals == ["1", *coarser.split()]


def test_the_unit_of_the_voxel_size_does_not_matter() -> None:
    assert mag_ladder((900, 900, 90), (0.01, 0.01, 0.03)) == mag_ladder(
        (900, 900, 90), (10, 10, 30)
    )
