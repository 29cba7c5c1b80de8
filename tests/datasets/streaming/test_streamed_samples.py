"""Real datasets of every format read the same through both dialects as by the reader itself."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from datasets import properties
from datasets.services import data_source
from datasets.storage.local import dataset_directory
from datasets.streaming.catalog import serve
from tests.datasets.streaming.streamed_data import Streamed
from tests.datasets.streaming.test_dialects import opened
from tests.factories import make_dataset, make_organization

pytestmark = pytest.mark.django_db

SAMPLES = (
    "simple_wkw_dataset",
    "simple_zarr_dataset",
    "simple_zarr3_dataset",
    "simple_n5_dataset",
    "simple_ng_dataset",
    "4D/4D_series_zarr3",
)


def imported(sample: Path) -> Streamed:
    dataset = make_dataset(make_organization(), is_public=True)
    dataset_directory(dataset).parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(sample, dataset_directory(dataset))
    data_source.store(dataset, properties.read(sample / properties.FILE_NAME))
    dataset.refresh_from_db()
    return Streamed(dataset, {}, (0, 0, 0))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_reads_the_same_in_both_dialects(get, samples, name):
    streamed = imported(samples / name)
    for layer_name, layer in serve(streamed.dataset).layers.items():
        for literal, mag in layer.mags.items():
            place = f"{streamed.id}/{layer_name}/{literal}"
            ome = opened(get, f"/data/ome-zarr/{place}", "zarr.json", "zarr3").read().result()
            v2 = opened(get, f"/data/zarr/{place}", ".zarray", "zarr").read().result()
            array = mag.array()
            x, y, z = mag.box.offset
            for where in np.ndindex(*(axis.size for axis in array.additional_axes)):
                names = [axis.name for axis in array.additional_axes]
                expected = array.read(mag.box, additional=dict(zip(names, where, strict=True)))
                np.testing.assert_array_equal(ome[where].transpose(0, 3, 2, 1), expected)
                np.testing.assert_array_equal(v2[(slice(None), *where)][:, x:, y:, z:], expected)
            assert ome.any() or name == "simple_wkw_dataset", "only that one is empty"
