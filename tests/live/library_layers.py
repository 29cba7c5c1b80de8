"""Run by test_library_layers with the public library: what it does with whole layers of a dataset
on the site, and what it asks of the site besides.

    library_layers.py FOLDER NAME

Prints JSON of what the library returned. WK_URL and WK_TOKEN come from the environment.
"""

import json
import sys
import warnings
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
