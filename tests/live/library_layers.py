"""Run by test_library_layers with the public library: what it does with whole layers of a dataset
on the site, and what it asks of the site besides.

    library_layers.py FOLDER NAME

Prints JSON of what the library returned. WK_URL and WK_TOKEN come from the environment.
"""

import json
import os
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import tifffile
import webknossos as wk
from webknossos import RemoteAccessMode, RemoteDataset
from webknossos.client.api_client.errors import UnexpectedStatusError

warnings.simplefilter("ignore")
folder, name = Path(sys.argv[1]), sys.argv[2]
BOX = wk.BoundingBox((16, 8, 0), (64, 48, 32))
ALIGNED = wk.BoundingBox((0, 0, 0), (64, 48, 32))
"""Upsampling asks for one on the borders of chunks, and for whole shards at once."""
COARSE = np.random.default_rng(1).integers(1, 2**16, (32, 24, 16), np.uint16)


def local_dataset(called: str, box: wk.BoundingBox = BOX) -> wk.Dataset:
    dataset = wk.Dataset(folder / called, voxel_size=(4, 4, 8))
    layer = dataset.add_layer(
        "cells", "segmentation", bounding_box=box, dtype="uint16", data_format="zarr3"
    )
    layer.add_mag(2, chunk_shape=32, shard_shape=32).write(COARSE, absolute_offset=box.topleft)
    return dataset


def coarse(dataset: RemoteDataset, layer: str, **how: RemoteAccessMode) -> np.ndarray:
    return dataset.get_layer(layer).get_mag(2, **how).read()[0]


def main() -> None:
    remote = local_dataset(name).upload(new_dataset_name=name)
    copied = remote.add_layer_as_copy(local_dataset("other", ALIGNED).get_layer("cells"), "copied")
    np.testing.assert_array_equal(coarse(remote, "copied"), COARSE)
    assert copied.bounding_box == ALIGNED

    copied.upsample(wk.Mag(2), sampling_mode="isotropic", buffer_shape=(4096, 4096, 32))
    fine = remote.get_layer("copied").get_mag(1).read()[0]
    np.testing.assert_array_equal(fine, COARSE.repeat(2, 0).repeat(2, 1).repeat(2, 2))

    segments = remote.get_segmentation_layer("cells")
    segments.refresh_largest_segment_id()
    assert (
        RemoteDataset.open(name).get_segmentation_layer("cells").largest_segment_id == COARSE.max()
    )

    for mode in RemoteAccessMode:
        np.testing.assert_array_equal(coarse(remote.with_access_mode(mode), "cells"), COARSE)
        np.testing.assert_array_equal(coarse(remote.reopen(access_mode=mode), "cells"), COARSE)

    down = remote.download(path=folder / "down", layers="cells", bounding_box=BOX)
    np.testing.assert_array_equal(down.get_layer("cells").get_mag(2).read()[0], COARSE)

    segments.export.as_tiff_stack(output_path=folder / "slices", mag=wk.Mag(2))
    slices = [tifffile.imread(file).T for file in sorted((folder / "slices").iterdir())]
    np.testing.assert_array_equal(np.stack(slices, axis=-1), COARSE)

    pictures = RemoteDataset.from_images(
        folder / "slices",
        voxel_size=(4, 4, 8),
        name=f"{name}_pictures",
        map_filepath_to_layer_name=wk.Dataset.ConversionLayerMapping.ENFORCE_SINGLE_LAYER,
        layer_name="em",
        layer_category="color",
        shard_shape=32,
        url=os.environ["WK_URL"],
        token=os.environ["WK_TOKEN"],
    )
    em = pictures.get_color_layers()[0]
    np.testing.assert_array_equal(em.get_mag(1).read()[0], COARSE)
    em.downsample(coarsest_mag=wk.Mag(2), sampling_mode="isotropic", shard_shape=32)
    np.testing.assert_array_equal(
        RemoteDataset.open(f"{name}_pictures").get_layer("em").get_mag(2).read()[0],
        np.median(COARSE.reshape(16, 2, 12, 2, 8, 2), axis=(1, 3, 5)).astype(np.uint16),
    )
    assert pictures.access_mode == RemoteAccessMode.ZARR_STREAMING
    assert pictures.zarr_streaming_path is not None
    assert pictures.annotation_id is None
    assert str(datetime.now(UTC).year) in pictures.created
    pictures.display_name = f"{name}_renamed"
    assert RemoteDataset.open(f"{name}_renamed").display_name == f"{name}_renamed"

    RemoteDataset.trigger_reload_in_datastore(dataset_id=remote.dataset_id)
    try:
        RemoteDataset.explore_and_add_remote("https://localhost/none.zarr", f"{name}_remote")
        refusal = ""
    except UnexpectedStatusError as error:
        refusal = str(error)
    print(json.dumps({"url": remote.generate_url((1, 2, 3)), "refusal": refusal}))


# The library works with several processes, each of which imports this file.
if __name__ == "__main__":
    main()
