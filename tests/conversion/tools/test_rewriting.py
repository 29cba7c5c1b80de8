"""Rewriting changes how voxels are stored; what the properties name is never taken away."""

from pathlib import Path

import numpy as np
import pytest

from conversion.pipeline.plan import OutputFormat
from conversion.tools.opened import open_dataset
from conversion.tools.progress import Meter, say_nothing
from conversion.tools.rewriting import Form, rewrite_layer
from datasets.properties import DataFormat
from tests.conversion.tools import datasets_made as made


def rewrite(directory: Path, form: Form) -> Path:
    """Have the properties name the layer as it is rewritten; where its mag lies by then. As a job
    that ends before all of it is settled.
    """
    dataset = open_dataset(directory)
    (layer,) = dataset.layers()
    rewritten = rewrite_layer(dataset, layer, form, meter=Meter(say_nothing, 0))
    names = ("data_format", "mags", "additional_axes")
    made.rewritten_properties(directory, **{name: getattr(rewritten, name) for name in names})
    return directory / str(rewritten.mags[0].path)


def test_what_an_earlier_change_has_made_is_the_source_of_the_next(tmp_path: Path) -> None:
    data = made.voxels()
    directory = made.make(tmp_path / "ds", data)

    first = rewrite(directory, Form(DataFormat.ZARR3, shard_shape=(64, 64, 64)))
    second = rewrite(directory, Form(DataFormat.ZARR3, shard_shape=(32, 32, 32)))

    assert first.parent.name == "color-zarr3"
    assert first.is_dir()
    assert second.parent.name == "color-zarr3-2"
    assert np.array_equal(made.read(directory), data)


def test_what_was_made_of_the_same_but_never_used_is_used_now(tmp_path: Path) -> None:
    directory = made.make(tmp_path / "ds")
    dataset = open_dataset(directory)
    (layer,) = dataset.layers()
    rewrite_layer(dataset, layer, Form(DataFormat.WKW), meter=Meter(say_nothing, 0))
    written = (directory / "color-wkw/1/header.wkw").stat().st_ino

    rewrite(directory, Form(DataFormat.WKW))

    assert (directory / "color-wkw/1/header.wkw").stat().st_ino == written
    assert not (directory / "color-wkw-2").exists()


@pytest.mark.parametrize("data_format", [DataFormat.WKW, DataFormat.ZARR3])
def test_voxels_outside_of_the_layers_box_are_kept(
    tmp_path: Path, data_format: OutputFormat
) -> None:
    data = made.voxels((150, 70, 40))
    directory = made.make(tmp_path / "ds", data)
    made.with_box(directory, (20, 10, 5), (60, 40, 20))

    rewrite(directory, Form(data_format))

    made.with_box(directory, (0, 0, 0), (150, 70, 40))
    assert np.array_equal(made.read(directory), data)


def test_a_box_may_reach_beyond_what_is_stored(tmp_path: Path) -> None:
    data = made.voxels((40, 40, 40))
    directory = made.make(tmp_path / "ds", data)
    made.with_box(directory, (0, 0, 0), (50, 40, 40))

    rewrite(directory, Form(DataFormat.ZARR3))

    assert np.array_equal(made.read(directory), np.pad(data, [(0, 0), (0, 0), (0, 0), (0, 10)]))


def test_points_outside_of_the_bounds_of_an_axis_are_kept(tmp_path: Path) -> None:
    directory = made.make_series(tmp_path / "ds", points=3)
    made.with_axis(directory, "t", (1, 2))

    rewrite(directory, Form(DataFormat.ZARR3))

    made.with_axis(directory, "t", (0, 3))
    assert [made.read(directory, index={"t": t}).max() for t in range(3)] == [1, 2, 3]
