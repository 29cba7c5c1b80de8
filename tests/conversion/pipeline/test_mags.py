"""Layers get the mags that `webknossos convert` 4.3.3 makes; the table is what it answered."""

import pytest

from conversion.pipeline.mags import Sampling, mag_ladder
from datasets.properties import Mag, Vec3Float, Vec3Int


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


@pytest.mark.parametrize(
    ("sampling", "shape", "coarsest", "coarser"),
    [
        ("isotropic", (512, 512, 128), None, "2 4 8"),
        ("constant_z", (512, 512, 128), None, "2-2-1 4-4-1 8-8-1"),
        ("anisotropic", (512, 512, 1), None, "2-2-1 4-4-1 8-8-1"),
        ("isotropic", (512, 512, 1), "4", "2-2-1 4-4-1"),
        ("anisotropic", (512, 512, 128), "2", "2-2-1"),
        ("anisotropic", (2048, 2048, 256), "16-16-1", "2-2-1 4-4-1 8-8-1 16-16-1"),
        ("isotropic", (512, 512, 128), "8-8-2", "2 4-4-2 8-8-2"),
    ],
)
def test_sampling_and_the_coarsest_mag_act_as_in_webknossos_convert(
    sampling: str, shape: Vec3Int, coarsest: str | None, coarser: str
) -> None:
    mags = mag_ladder(
        shape,
        (4, 4, 40),
        sampling=Sampling(sampling),
        coarsest=Mag.parse(coarsest) if coarsest else None,
    )
    assert [mag.literal for mag in mags] == ["1", *coarser.split()]


def test_a_coarsest_mag_that_no_step_reaches_is_refused() -> None:
    with pytest.raises(ValueError, match="Mag 2-1-4 is not reached"):
        mag_ladder((512, 512, 128), (4, 4, 40), coarsest=Mag(2, 1, 4))
