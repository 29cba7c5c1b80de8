"""The OME-Zarr 0.5 dialect (Zarr v3), for every tool and for our viewer.

/data/ome-zarr/<dataset>/<layer>/... for tools, /data/viewer/<dataset>/<version>/<layer>/... for the
viewer: the latter's answers may be kept for ever, and types that browsers lack are converted.
Axes are additional, c, z, y, x; arrays have exactly the size of the layer's box. Where the box
begins on the stored chunk grid the presented chunks are the stored ones, else raw 64^3 blocks.
"""

import json
from typing import Any

import numpy as np

from datasets.properties import Layer
from datasets.streaming.answers import NOT_FOUND, Answer, error_answer, json_answer
from datasets.streaming.catalog import ServedDataset, ServedLayer, ServedMag
from datasets.streaming.codecs import Inexpressible, bytes_codec, json_fill_value, zarr3_codecs
from datasets.streaming.listing import directory_page
from datasets.streaming.ome_metadata import is_expressible, ome_attributes
from datasets.streaming.presented import (
    DecodedChunks,
    Grid,
    PresentedArray,
    StoredChunks,
    grid_lengths,
    is_aligned,
    order_of_bytes,
)
from datasets.voxels.array import VoxelArray

_BLOCK = 64
_METADATA = "zarr.json"
_FLOAT32, _UINT64 = np.dtype("<f4"), np.dtype("<u8")

JsonObject = dict[str, Any]


def answer(dataset: ServedDataset, path: str) -> Answer:
    """What lies at `path` below the dataset's OME-Zarr address."""
    return _answer(dataset, path, for_viewer=False)


def answer_viewer(dataset: ServedDataset, path: str) -> Answer:
    """What lies at `path`, which begins with the version, below the dataset's viewer address."""
    version, _, rest = path.partition("/")
    if version != dataset.version:
        return error_answer(410, "The dataset has changed. Load the page again.")
    return _answer(dataset, rest, for_viewer=True)


def _answer(dataset: ServedDataset, path: str, *, for_viewer: bool) -> Answer:
    layer_name, _, rest = path.partition("/")
    literal, _, key = rest.partition("/")
    if key.startswith("c/"):
        chunk = presented(dataset, layer_name, literal, for_viewer=for_viewer).chunk(
            key[2:].split("/")
        )
        if chunk is None:
            dataset.layer(layer_name).mag(literal).directory()  # raises where all of it is gone
            return NOT_FOUND
        return Answer(chunk, etag=dataset.version, is_immutable=for_viewer)
    if layer_name in {"", _METADATA}:
        return _group(layer_name, dataset.row.name, [f"{name}/" for name in dataset.layers])
    layer = dataset.layer(layer_name)
    if literal == _METADATA:
        return json_answer(_layer_group(dataset, layer))
    if literal == "":
        return _group("", layer_name, [f"{mag}/" for mag in layer.mags])
    if key == _METADATA:
        return json_answer(
            json.loads(presented(dataset, layer_name, literal, for_viewer=for_viewer).metadata)
        )
    if key == "":
        layer.mag(literal)
        return directory_page(literal, [_METADATA])
    return NOT_FOUND


def _group(name: str, title: str, entries: list[str]) -> Answer:
    if name == _METADATA:
        return json_answer({"zarr_format": 3, "node_type": "group", "attributes": {}})
    return directory_page(title, [*entries, _METADATA])


def _layer_group(dataset: ServedDataset, layer: ServedLayer) -> JsonObject:
    group: JsonObject = {"zarr_format": 3, "node_type": "group", "attributes": {}}
    # A viewer that is told of a mag that it can't read shows nothing at all. Where no mag can be
    # read, the first says why.
    mags = [mag for mag in layer.mags.values() if mag.is_readable] or list(layer.mags.values())
    finest = next(iter(mags), None)
    names = [axis.name for axis in layer.properties.additional_axes]
    if finest is not None and is_expressible(names):
        group["attributes"]["ome"] = ome_attributes(
            dataset.data_source,
            layer.properties,
            mags=[mag.properties.mag for mag in mags],
            additional_axes=names,
            num_channels=finest.array().num_channels,
            admin_view=dataset.row.admin_view_configuration or {},
        )
    return group


def presented(
    dataset: ServedDataset, layer_name: str, literal: str, *, for_viewer: bool
) -> PresentedArray:
    """The array of a mag in this dialect; raises NotFound or VoxelsError."""
    return dataset.remembered(
        ("ome-zarr", for_viewer, layer_name, literal),
        lambda: _present(dataset.layer(layer_name).mag(literal), for_viewer=for_viewer),
    )


def _present(mag: ServedMag, *, for_viewer: bool) -> PresentedArray:
    array = mag.array()
    dtype = _type_for_viewer(mag.layer, array.dtype) if for_viewer else array.dtype
    try:
        if for_viewer and not _is_readable_by_viewer(array):
            raise Inexpressible
        return _as_stored(array, mag, dtype)
    except Inexpressible:
        return _as_blocks(array, mag, dtype)


def _is_readable_by_viewer(array: VoxelArray) -> bool:
    """Whether x varies fastest in stored chunks: Neuroglancer misreads other transpositions."""
    stored = order_of_bytes(array.codec) if array.codec else ()
    return [axis for axis in stored if axis in "zyx"] == [axis for axis in "zyx" if axis in stored]


def _type_for_viewer(layer: Layer, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type that Neuroglancer shows in place of one that it lacks.

    Segment ids keep their bits; of other values float32 keeps the magnitude.
    """
    if dtype.name == "int64":
        return _UINT64 if layer.is_segmentation else _FLOAT32
    return _FLOAT32 if dtype.name == "float64" else dtype


def _axes(array: VoxelArray) -> tuple[str, ...]:
    return (*(axis.name for axis in array.additional_axes), "c", "z", "y", "x")


def _grid(array: VoxelArray, mag: ServedMag, chunk_lengths: dict[str, int]) -> Grid:
    axes = _axes(array)
    lengths = {axis.name: axis.size for axis in array.additional_axes}
    lengths |= {"c": array.num_channels} | dict(zip("xyz", mag.box.size, strict=True))
    return Grid(
        axes, grid_lengths(axes, lengths), grid_lengths(axes, chunk_lengths), mag.box.offset
    )


def _as_stored(array: VoxelArray, mag: ServedMag, dtype: np.dtype[Any]) -> PresentedArray:
    codec = array.codec
    same_bits = dtype == array.dtype or (dtype == _UINT64 and array.dtype.name == "int64")
    # Neuroglancer shows colours only where one chunk holds all of them.
    split_colors = mag.layer.element_class.channels > array.chunk_shape[0]
    if codec is None or not same_bits or split_colors or not is_aligned(mag.box.offset, array):
        raise Inexpressible
    lengths = {axis.name: axis.chunk_size for axis in array.additional_axes}
    grid = _grid(array, mag, lengths | dict(zip("cxyz", array.chunk_shape, strict=True)))
    fill_value = json_fill_value(np.array([array.fill_value], array.dtype).view(dtype)[0])
    metadata = _array_metadata(grid, dtype, fill_value, zarr3_codecs(grid.axes, codec))
    return PresentedArray(metadata, grid, StoredChunks(array, codec, mag.box, grid))


def _as_blocks(array: VoxelArray, mag: ServedMag, dtype: np.dtype[Any]) -> PresentedArray:
    lengths = dict.fromkeys(_axes(array), 1) | dict.fromkeys("xyz", _BLOCK)
    lengths["c"] = min(mag.layer.element_class.channels, array.num_channels)
    grid = _grid(array, mag, lengths)
    metadata = _array_metadata(grid, dtype, 0, [bytes_codec(dtype)])
    return PresentedArray(metadata, grid, DecodedChunks(array, mag.box, grid, grid.axes, dtype))


def _array_metadata(
    grid: Grid, dtype: np.dtype[Any], fill_value: object, codecs: list[JsonObject]
) -> bytes:
    return json.dumps(
        {
            "zarr_format": 3,
            "node_type": "array",
            "shape": grid.shape,
            "data_type": dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": grid.chunk_shape}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": fill_value,
            "codecs": codecs,
            "dimension_names": grid.axes,
            "attributes": {},
        }
    ).encode()
