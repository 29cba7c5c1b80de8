"""Run by test_library_upload with the public library: uploads what it makes, and reads it back.

    library_uploads.py FOLDER NAME STEP...

Steps: dataset, mag, attachment, links, axes. Prints JSON: the ids of the datasets that came of it.
Raises AssertionError where what was read is not what was sent.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import webknossos as wk
from webknossos.client import _upload_dataset, context
from webknossos.dataset.layer.segmentation_layer.attachments import (
    AgglomerateAttachment,
    MeshAttachment,
)
from webknossos.dataset_properties.data_format import AttachmentDataFormat

folder, name, *steps = sys.argv[1:]
work = Path(folder)
if version := os.environ.get("API"):
    context.LIBRARY_SUPPORTED_API_VERSIONS = {int(version)}
if os.environ.get("CHUNK_BYTES"):
    # Small chunks make many requests of little data.
    make = _upload_dataset.Resumable
    _upload_dataset.Resumable = lambda **given: make(
        **{**given, "chunk_size": int(os.environ["CHUNK_BYTES"])}
    )

BOX = wk.BoundingBox((10, 20, 30), (70, 64, 40))  # divides by all mags
LAYERS = {
    "u8": ("uint8", "color"),
    "u16": ("uint16", "color"),
    "u32": ("uint32", "segmentation"),
    "u64": ("uint64", "segmentation"),
    "f32": ("float32", "color"),
}


def voxels(dtype: str, size: tuple[int, ...]) -> np.ndarray:
    generator = np.random.default_rng(len(dtype))
    return (generator.random(size) * 250).astype(dtype)


def add_mag(layer: wk.Layer, mag: wk.Mag) -> None:
    """Some voxels in the whole of the layer's box; small shards, for the memory's sake."""
    size = BOX.in_mag(mag).size.to_tuple()
    view = layer.add_mag(mag, chunk_shape=(32, 32, 32), shard_shape=(64, 64, 64))
    view.write(voxels(str(layer.dtype), size), absolute_offset=BOX.topleft)


def add_rgb(dataset: wk.Dataset, data_format: str) -> None:
    """A color layer of three channels of uint8, which the library calls uint24."""
    layer = dataset.add_layer(
        "rgb", "color", dtype="uint8", num_channels=3, data_format=data_format, bounding_box=BOX
    )
    for mag in (wk.Mag(1), wk.Mag("2-2-1")):
        view = layer.add_mag(mag, chunk_shape=(32, 32, 32), shard_shape=(64, 64, 64))
        size = BOX.in_mag(mag).size.to_tuple()
        view.write(voxels("uint8", (3, *size)), absolute_offset=BOX.topleft)


def make_dataset(path: Path, data_format: str) -> wk.Dataset:
    dataset = wk.Dataset(path, voxel_size=(11, 11, 24), name=name)
    for layer_name, (dtype, category) in LAYERS.items():
        more = {"largest_segment_id": 250} if category == "segmentation" else {}
        layer = dataset.add_layer(
            layer_name,
            category,
            dtype=dtype,
            data_format=data_format,
            bounding_box=BOX,
            **more,
        )
        for mag in (wk.Mag(1), wk.Mag("2-2-1")):
            add_mag(layer, mag)
    add_rgb(dataset, data_format)
    (path / "notes.txt").touch()  # an empty file
    return dataset


def compare(local: wk.Dataset, remote: wk.RemoteDataset) -> None:
    for layer_name, layer in local.layers.items():
        found = remote.layers[layer_name]
        assert found.bounding_box == layer.bounding_box, (found.bounding_box, layer.bounding_box)
        assert found.dtype == layer.dtype, layer_name
        assert set(found.mags) == set(layer.mags), layer_name
        for mag, view in layer.mags.items():
            # Streamed arrays begin with the channels, of which the local one may know nothing.
            sent = view.read()
            read = found.get_mag(mag).read().reshape(sent.shape)
            np.testing.assert_array_equal(read, sent, layer_name)


ids = {}
data_format = os.environ.get("FORMAT", "wkw")
if "dataset" in steps:
    dataset = make_dataset(work / f"{name}_local", data_format)
    remote = dataset.upload(new_dataset_name=name)
    ids["dataset"] = remote.dataset_id
    compare(dataset, remote)
elif steps != ["axes"]:
    dataset = wk.Dataset.open(work / f"{name}_local")
    remote = wk.RemoteDataset.open(name)
if "mag" in steps:
    layer = dataset.get_layer("u8")
    add_mag(layer, wk.Mag("2-2-2"))
    remote.get_layer("u8").add_mag_as_copy(layer.get_mag("2-2-2"))
    np.testing.assert_array_equal(
        wk.RemoteDataset.open(name).get_layer("u8").get_mag("2-2-2").read(),
        layer.get_mag("2-2-2").read(),
    )
if "attachment" in steps:
    file = work / "agglomerate.hdf5"
    file.write_bytes(b"not really HDF5" * 1000)
    directory = work / "mesh_zarr"
    directory.mkdir()
    (directory / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group"}')
    target = remote.get_segmentation_layer("u32").attachments
    target.add_attachment_as_copy(
        AgglomerateAttachment.from_path_and_name(file, "one", data_format=AttachmentDataFormat.HDF5)
    )
    target.add_attachment_as_copy(
        MeshAttachment.from_path_and_name(directory, "two", data_format=AttachmentDataFormat.Zarr3)
    )
    found = wk.RemoteDataset.open(name).get_segmentation_layer("u32").attachments
    assert [one.name for one in found.agglomerates] == ["one"]
    assert [one.name for one in found.meshes] == ["two"]
if "links" in steps:
    # Of a layer that it has itself the library would send a path on this machine, but no data.
    layer = wk.LayerToLink.from_remote_layer(remote.get_layer("u16"), new_layer_name="linked")
    linked = dataset.upload(new_dataset_name=f"{name}_linked", layers_to_link=[layer])
    ids["linked"] = linked.dataset_id
    assert set(linked.layers) == {*LAYERS, "rgb", "linked"}
    np.testing.assert_array_equal(
        linked.get_layer("linked").get_mag(1).read(), dataset.get_layer("u16").get_mag(1).read()
    )
if "axes" in steps:
    axes = wk.NDBoundingBox((2, 10, 20, 30), (3, 70, 64, 40), ("t", "x", "y", "z"))
    series = wk.Dataset(work / f"{name}_series", voxel_size=(11, 11, 24), name=f"{name}_series")
    for layer_name, dtype in (("u8", "uint8"), ("u16", "uint16")):
        layer = series.add_layer(
            layer_name, "color", dtype=dtype, data_format="zarr3", bounding_box=axes
        )
        view = layer.add_mag(1, chunk_shape=(32, 32, 32), shard_shape=(64, 64, 64))
        view.write(voxels(dtype, axes.size.to_tuple()), absolute_bounding_box=axes)
    remote = series.upload(new_dataset_name=f"{name}_series")
    compare(series, remote)
    one = wk.NDBoundingBox((0, 3, 10, 20, 30), (1, 1, 70, 64, 40), ("c", "t", "x", "y", "z"))
    for layer_name, layer in series.layers.items():
        read = remote.get_layer(layer_name).get_mag(1).read(absolute_bounding_box=one)
        np.testing.assert_array_equal(read[0, 0], layer.get_mag(1).read()[1])
print(json.dumps(ids))
