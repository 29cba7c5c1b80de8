"""The Zarr v2 dialect, as the public Python library expects it: /data/zarr/<dataset>/...

Axes c, additional, x, y, z; every array starts at voxel 0, so a box with an offset leaves empty
chunks in front. Where Zarr v2 has words for the stored chunks they are handed on, otherwise
chunks are raw 32^3 blocks in Fortran order.
"""

import json

from datasets.properties import with_bigint_envelopes
from datasets.streaming.answers import NOT_FOUND, Answer, json_answer
from datasets.streaming.catalog import ServedDataset, ServedLayer, ServedMag
from datasets.streaming.codecs import Inexpressible, json_fill_value, zarr2_compressor, zarr2_order
from datasets.streaming.listing import directory_page
from datasets.streaming.presented import (
    DecodedChunks,
    Grid,
    PresentedArray,
    StoredChunks,
    grid_lengths,
)
from datasets.streaming.requests import DataRequest
from datasets.voxels.array import VoxelArray

_BLOCK = 32
_FIRST_VERSION_WITH_BIGINTS = 15


def answer(request: DataRequest, dataset: ServedDataset, path: str) -> Answer:
    """What lies at `path` below the dataset's Zarr v2 address."""
    match path.split("/"):
        case [layer_name, literal, key]:
            return _in_mag(dataset, layer_name, literal, key)
        case ["" | ".zgroup" | "datasource-properties.json" as name]:
            return _in_dataset(request, dataset, name)
        case [layer_name]:
            return _in_layer(dataset, layer_name, "")
        case [layer_name, name]:
            return _in_layer(dataset, layer_name, name)
    return NOT_FOUND


def _in_dataset(request: DataRequest, dataset: ServedDataset, name: str) -> Answer:
    if name == ".zgroup":
        return json_answer({"zarr_format": 2})
    if name == "datasource-properties.json":
        return json_answer(properties_document(request, dataset))
    files = [".zgroup", "datasource-properties.json"]
    return directory_page(dataset.row.name, [f"{layer}/" for layer in dataset.layers] + files)


def properties_document(request: DataRequest, dataset: ServedDataset) -> object:
    """The dataset's properties, with the layers as they lie in this dialect."""
    document = dataset.data_source.to_json()
    for layer in document["dataLayers"]:
        served = dataset.layers[layer["name"]]
        layer["dataFormat"] = "zarr"
        layer["mags"] = []
        for mag in served.mags.values():
            # The layer shows its own channels only, and its axes are in this dialect's order.
            order = {"c": 0, "x": 1, "y": 2, "z": 3}
            extra = len(served.properties.additional_axes)
            if extra:
                order = {"c": 0, "x": 1 + extra, "y": 2 + extra, "z": 3 + extra}
            literal = mag.properties.mag.literal
            layer["mags"].append(
                {
                    "mag": list(mag.properties.mag),
                    "path": f"./{served.properties.name}/{literal}",
                    "axisOrder": order,
                }
            )
        for place, axis in enumerate(layer.get("additionalAxes", [])):
            axis["index"] = 1 + place
        layer.pop("attachments", None)
    wants_envelopes = request.api_version >= _FIRST_VERSION_WITH_BIGINTS
    return with_bigint_envelopes(document) if wants_envelopes else document


def _in_layer(dataset: ServedDataset, layer_name: str, name: str) -> Answer:
    layer = dataset.layer(layer_name)
    if name == ".zgroup":
        return json_answer({"zarr_format": 2})
    if name == ".zattrs":
        return json_answer(_multiscales(dataset, layer))
    if name == "":
        mags = [f"{literal}/" for literal in layer.mags]
        return directory_page(layer_name, [*mags, ".zattrs", ".zgroup"])
    return _in_mag(dataset, layer_name, name, "")


def _in_mag(dataset: ServedDataset, layer_name: str, literal: str, key: str) -> Answer:
    array = presented(dataset, layer_name, literal)
    if key == "":
        return directory_page(literal, [".zarray"])
    if key == ".zarray":
        return json_answer(json.loads(array.metadata))
    chunk = array.chunk(key.split("."))
    if chunk is None:
        dataset.layer(layer_name).mag(literal).directory()  # raises where all of it is gone
        return NOT_FOUND
    return Answer(chunk, etag=dataset.version)


def presented(dataset: ServedDataset, layer_name: str, literal: str) -> PresentedArray:
    """The array of a mag in this dialect; raises NotFound or VoxelsError."""
    return dataset.remembered(
        ("zarr", layer_name, literal), lambda: _present(dataset.layer(layer_name).mag(literal))
    )


def _multiscales(dataset: ServedDataset, layer: ServedLayer) -> object:
    """OME-NGFF 0.4; the additional axes that some arrays have are not mentioned."""
    size = dataset.data_source.voxel_size
    unit = size.unit.value
    return {
        "multiscales": [
            {
                "version": "0.4",
                "name": layer.properties.name,
                "axes": [
                    {"name": "c", "type": "channel"},
                    *({"name": axis, "type": "space", "unit": unit} for axis in "xyz"),
                ],
                "datasets": [
                    {
                        "path": literal,
                        "coordinateTransformations": [
                            {
                                "type": "scale",
                                "scale": [
                                    1.0,
                                    *(
                                        factor * length
                                        for factor, length in zip(
                                            mag.properties.mag, size.factor, strict=True
                                        )
                                    ),
                                ],
                            }
                        ],
                    }
                    for literal, mag in layer.mags.items()
                ],
            }
        ]
    }


def _present(mag: ServedMag) -> PresentedArray:
    array = mag.array()
    axes = ("c", *(axis.name for axis in array.additional_axes), "x", "y", "z")
    shape = grid_lengths(
        axes,
        {"c": array.num_channels},
        {axis.name: axis.size for axis in array.additional_axes},
        dict(zip("xyz", mag.box.end, strict=True)),
    )
    try:
        return _as_stored(array, mag, axes, shape)
    except Inexpressible:
        return _as_blocks(array, mag, axes, shape)


def _as_stored(
    array: VoxelArray, mag: ServedMag, axes: tuple[str, ...], shape: tuple[int, ...]
) -> PresentedArray:
    codec = array.codec
    if codec is None:
        raise Inexpressible
    grid = Grid(
        axes,
        shape,
        grid_lengths(
            axes,
            dict(zip("cxyz", array.chunk_shape, strict=True)),
            {axis.name: axis.chunk_size for axis in array.additional_axes},
        ),
        (0, 0, 0),
    )
    metadata = _zarray(grid) | {
        "dtype": codec.dtype.str,
        "compressor": zarr2_compressor(codec),
        "order": zarr2_order(axes, codec),
        "fill_value": json_fill_value(array.fill_value),
    }
    chunks = StoredChunks(array, codec, mag.box, grid)
    return PresentedArray(json.dumps(metadata).encode(), grid, chunks)


def _as_blocks(
    array: VoxelArray, mag: ServedMag, axes: tuple[str, ...], shape: tuple[int, ...]
) -> PresentedArray:
    lengths = dict.fromkeys(axes, 1) | {"c": array.num_channels} | dict.fromkeys("xyz", _BLOCK)
    grid = Grid(axes, shape, grid_lengths(axes, lengths), (0, 0, 0))
    metadata = _zarray(grid) | {"dtype": array.dtype.str}
    chunks = DecodedChunks(array, mag.box, grid, axes[::-1], array.dtype)
    return PresentedArray(json.dumps(metadata).encode(), grid, chunks)


def _zarray(grid: Grid) -> dict[str, object]:
    return {
        "zarr_format": 2,
        "shape": grid.shape,
        "chunks": grid.chunk_shape,
        "dtype": "",
        "compressor": None,
        "fill_value": 0,
        "order": "F",
        "filters": None,
        "dimension_separator": ".",
    }
