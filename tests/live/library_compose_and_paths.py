"""Run by test_library_compose_and_paths with the public library: composes datasets, and uploads to
paths in each mode of transfer. Asserts here what only the library can tell.

    library_compose_and_paths.py FOLDER NAME

FOLDER is this program's own, in a place that the site allows; NAME keeps runs apart. Prints JSON.
"""

import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import webknossos as wk
from upath import UPath
from webknossos.client import context
from webknossos.client.api_client.errors import UnexpectedStatusError
from webknossos.dataset import RemoteAccessMode, TransferMode
from webknossos.dataset.layer.segmentation_layer.attachments import MeshAttachment
from webknossos.dataset_properties import AttachmentDataFormat

warnings.simplefilter("ignore")
folder, name = Path(sys.argv[1]), sys.argv[2]
if version := os.environ.get("API"):
    # The library takes the newest version that both sides know: let it know only this one.
    context.LIBRARY_SUPPORTED_API_VERSIONS = {int(version)}

BOX = wk.BoundingBox((16, 8, 0), (70, 50, 40))
GRID = {"chunk_shape": 32, "shard_shape": 64}  # of a file, in voxels; the default is 1024
EXTENT = [*BOX.topleft, *BOX.size]
LARGE = 2**63 + 11  # beyond what JavaScript holds
MODES = (
    RemoteAccessMode.ZARR_STREAMING,
    RemoteAccessMode.PROXY_PATH,
    RemoteAccessMode.DIRECT_PATH,
)
PATHS = (TransferMode.COPY, TransferMode.MOVE_AND_SYMLINK, TransferMode.SYMLINK)
rng = np.random.default_rng(3)
COLOR = rng.integers(1, 255, (3, *BOX.size.to_tuple()), np.uint8)
CELLS = rng.integers(1, 2**40, BOX.size.to_tuple(), np.uint64)


def local_dataset(called: str, place: Path = folder) -> wk.Dataset:
    """A local dataset: color in three channels, cells with a mesh; two mags each."""
    dataset = wk.Dataset(place / called, voxel_size=(4, 4, 8))
    color = dataset.add_layer(
        "color", "color", bounding_box=BOX, dtype="uint8", num_channels=3, data_format="zarr3"
    )
    color.add_mag(1, **GRID).write(COLOR, absolute_offset=BOX.topleft)
    color.add_mag(2, **GRID).write(COLOR[:, ::2, ::2, ::2], absolute_offset=BOX.topleft)
    cells = dataset.add_layer(
        "cells",
        "segmentation",
        bounding_box=BOX,
        dtype="uint64",
        data_format="zarr3",
        largest_segment_id=LARGE,
    )
    cells.add_mag(1, **GRID).write(CELLS, absolute_offset=BOX.topleft)
    cells.add_mag(2, **GRID).write(CELLS[::2, ::2, ::2], absolute_offset=BOX.topleft)
    mesh = place / called / "cells" / "meshes" / "small.hdf5"
    mesh.parent.mkdir()
    mesh.write_bytes(b"mesh of " + called.encode())
    cells.attachments.add_attachment_as_ref(
        MeshAttachment.from_path_and_name(
            UPath(mesh), "small", data_format=AttachmentDataFormat.HDF5
        )
    )
    return dataset


def expect_same(layer: wk.RemoteLayer, expected: np.ndarray, what: str) -> None:
    """The layer's finest mag gives these voxels, however it is read."""
    for mode in MODES:
        data = layer.get_finest_mag(access_mode=mode).read(
            absolute_offset=BOX.topleft, size=BOX.size
        )
        np.testing.assert_array_equal(np.squeeze(data), expected, f"{what}, {mode}")


def expect_whole(dataset: wk.RemoteDataset, what: str) -> None:
    """The dataset is what `local_dataset` made."""
    assert set(dataset.layers) == {"color", "cells"}, dataset.layers
    for layer in dataset.layers.values():
        assert [*layer.bounding_box.topleft, *layer.bounding_box.size] == EXTENT
        assert [str(mag) for mag in sorted(layer.mags)] == ["1", "2"], layer.mags
    expect_same(dataset.get_layer("color"), COLOR, what)
    expect_same(dataset.get_layer("cells"), CELLS, what)
    cells = dataset.get_layer("cells").as_segmentation_layer()
    assert cells.largest_segment_id == LARGE
    (mesh,) = cells.attachments.meshes
    assert mesh.path.read_bytes().startswith(b"mesh of "), mesh.path


def upload_whole_datasets() -> dict[str, wk.RemoteDataset]:
    """Datasets that were uploaded to paths, by mode of transfer."""
    uploaded = {}
    for mode in PATHS:
        called = f"{name}_{mode.name.lower()}"
        uploaded[mode.name] = local_dataset(called).upload(
            new_dataset_name=called, transfer_mode=mode
        )
        expect_whole(uploaded[mode.name], called)
    return uploaded


def refusal_of_links_to(place: Path) -> str:
    """What is said of links to a place that the operator does not allow."""
    stray = local_dataset(f"{name}_stray", place)
    try:
        stray.upload(new_dataset_name=f"{name}_stray", transfer_mode=TransferMode.SYMLINK)
    except UnexpectedStatusError as error:
        return str(error)
    raise AssertionError("the links were taken")


def refer(source: wk.RemoteDataset) -> wk.RemoteDataset:
    """A dataset with a layer, a mag and an attachment of another one."""
    small = wk.Dataset(folder / f"{name}_small", voxel_size=(4, 4, 8))
    cells = small.add_layer(
        "cells",
        "segmentation",
        bounding_box=BOX,
        dtype="uint64",
        data_format="zarr3",
        largest_segment_id=7,
    )
    cells.add_mag(1, **GRID).write(CELLS + 1, absolute_offset=BOX.topleft)
    target = small.upload(
        new_dataset_name=f"{name}_small",
        transfer_mode=TransferMode.COPY,
        layers_to_link=[wk.LayerToLink.from_remote_layer(source.get_layer("color"), "linked")],
    )
    assert set(target.layers) == {"cells", "linked"}, target.layers
    expect_same(target.get_layer("linked"), COLOR, "linked")

    referred = target.add_layer_as_ref(source.get_layer("cells"), new_layer_name="theirs")
    expect_same(referred, CELLS, "a layer by reference")
    assert referred.as_segmentation_layer().largest_segment_id == LARGE

    own = target.get_layer("cells").as_segmentation_layer()
    own.add_mag_as_ref(source.get_layer("cells").get_mag(2))
    coarse = own.get_mag(2).read(absolute_offset=BOX.topleft, size=BOX.size)
    np.testing.assert_array_equal(np.squeeze(coarse), CELLS[::2, ::2, ::2])
    expect_same(own, CELLS + 1, "own data beside a reference")

    theirs = source.get_layer("cells").as_segmentation_layer()
    (mesh,) = theirs.attachments.meshes
    own.attachments.add_attachment_as_ref(mesh, foreign_layer=theirs, new_name="theirs")
    (found,) = own.attachments.meshes
    assert found.name == "theirs"
    assert found.path.read_bytes() == mesh.path.read_bytes()
    return target


def add_parts(target: wk.RemoteDataset) -> None:
    """Single mags and attachments, in each mode of transfer."""
    own = target.get_layer("cells").as_segmentation_layer()
    for mag, mode in zip((4, 8, 16), PATHS, strict=True):
        more = local_dataset(f"{name}_more_{mag}")
        layer = more.get_layer("cells").as_segmentation_layer()
        own.add_mag_as_copy(
            layer.get_mag(2), mag=mag, transfer_mode=mode, extend_layer_bounding_box=False
        )
        mesh = layer.attachments.meshes[0]
        mesh.name = f"mesh_{mag}"
        content = mesh.path.read_bytes()
        copied = own.attachments.add_attachment_as_copy(mesh, transfer_mode=mode)
        assert copied.path.read_bytes() == content

    fresh = target.add_layer("fresh", "color", dtype="uint8", num_channels=3, data_format="zarr3")
    more = local_dataset(f"{name}_fresh")
    fresh.add_mag_as_copy(more.get_layer("color").get_mag(1), transfer_mode=TransferMode.COPY)
    assert [*fresh.bounding_box.topleft, *fresh.bounding_box.size] == EXTENT
    expect_same(target.get_layer("fresh"), COLOR, "a first mag")

    reopened = wk.RemoteDataset.open(dataset_id=target.dataset_id).get_layer("cells")
    assert [str(mag) for mag in sorted(reopened.mags)] == ["1", "2", "4", "8", "16"]
    names = [mesh.name for mesh in reopened.as_segmentation_layer().attachments.meshes]
    assert names == ["theirs", "mesh_4", "mesh_8", "mesh_16"]


def main() -> None:
    uploaded = upload_whole_datasets()
    target = refer(uploaded["COPY"])
    add_parts(target)
    preliminary = os.environ["PRELIMINARY"]
    local_dataset(f"{name}_preliminary").publish_to_preliminary_dataset(
        preliminary, transfer_mode=TransferMode.COPY
    )
    expect_whole(wk.RemoteDataset.open(dataset_id=preliminary), "preliminary")
    results = {
        "uploaded": {mode: dataset.dataset_id for mode, dataset in uploaded.items()},
        "used": {mode: dataset.used_storage_bytes for mode, dataset in uploaded.items()},
        "refusal": refusal_of_links_to(Path(os.environ["OUTSIDE"])),
        "target": target.dataset_id,
    }
    print(json.dumps(results))


# The library copies with several processes, each of which imports this file.
if __name__ == "__main__":
    main()
