"""Datasets with voxels that a test can tell apart on screen, written in real formats."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import wkw
import zarr
from zarr.codecs import TransposeCodec

SIZE = 64
LEFT, RIGHT, THRESHOLD = 60, 180, 32
SEGMENTS = (7, 4_000_000_000)


def two_halves(*, offset: tuple[int, int, int] = (0, 0, 0)) -> np.ndarray:
    """uint8 voxels (x, y, z): LEFT where x < THRESHOLD, else RIGHT; zero before `offset`."""
    voxels = np.zeros([edge + SIZE for edge in offset], np.uint8)
    inside = voxels[tuple(slice(edge, None) for edge in offset)]
    inside[:THRESHOLD], inside[THRESHOLD:] = LEFT, RIGHT
    return voxels


def two_segments() -> np.ndarray:
    """uint32 voxels (x, y, z): one segment in the upper half (small y), another in the lower."""
    voxels = np.full((SIZE, SIZE, SIZE), SEGMENTS[0], np.uint32)
    voxels[:, THRESHOLD:] = SEGMENTS[1]
    return voxels


def write_wkw(folder: Path, *, offset: tuple[int, int, int] = (0, 0, 0)) -> None:
    """A WKW dataset: the layer `color` of two halves."""
    path = folder / "color" / "1"
    path.mkdir(parents=True)
    header = wkw.Header(np.uint8, 1, block_len=32, file_len=4)
    with wkw.Dataset.create(str(path), header) as dataset:
        dataset.write((0, 0, 0), two_halves(offset=offset)[np.newaxis])
    layer = _layer("color", "color", "uint8", "wkw", offset=offset)
    _write_properties(folder, [layer | {"wkwResolutions": [{"resolution": 1, "cubeLength": 128}]}])


def write_zarr3(folder: Path) -> None:
    """A Zarr v3 dataset: `color` of two halves, `segmentation` of two segments."""
    layers = []
    for name, category, element_class, voxels in (
        ("color", "color", "uint8", two_halves()),
        ("segmentation", "segmentation", "uint32", two_segments()),
    ):
        _write_array(folder / name / "1", voxels[np.newaxis])
        layers.append(_layer(name, category, element_class, "zarr3") | _MAG)
    layers[1]["largestSegmentId"] = SEGMENTS[1]
    _write_properties(folder, layers)


def write_zarr3_color(folder: Path) -> None:
    """A Zarr v3 dataset: the layer `color` of two halves alone."""
    _write_array(folder / "color" / "1", two_halves()[np.newaxis])
    _write_properties(folder, [_layer("color", "color", "uint8", "zarr3") | _MAG])


def write_zarr3_z_fastest(folder: Path) -> None:
    """The same, but with z varying fastest in the stored chunks."""
    path = folder / "color" / "1"
    voxels = two_halves()[np.newaxis]
    zarr.create_array(str(path), data=voxels, chunks=(1, 32, 32, 32), fill_value=0, zarr_format=3)
    _write_properties(folder, [_layer("color", "color", "uint8", "zarr3") | _MAG])


def write_channels(folder: Path) -> None:
    """A Zarr v3 dataset: `stain` with two channels of uint16, each filled in one half only.

    The format counts the bits of all channels of a voxel: two of uint16 make uint32.
    """
    voxels = np.zeros((2, SIZE, SIZE, SIZE), np.uint16)
    voxels[0, :THRESHOLD], voxels[1, THRESHOLD:] = 3000, 3000
    _write_array(folder / "stain" / "1", voxels)
    _write_properties(
        folder, [_layer("stain", "color", "uint32", "zarr3") | _MAG | {"numChannels": 2}]
    )


def write_rgb(folder: Path) -> None:
    """A Zarr v3 dataset: `photo`, red in one half and blue in the other."""
    voxels = np.zeros((3, SIZE, SIZE, SIZE), np.uint8)
    voxels[0, :THRESHOLD], voxels[2, THRESHOLD:] = 200, 150
    _write_array(folder / "photo" / "1", voxels)
    _write_properties(
        folder, [_layer("photo", "color", "uint24", "zarr3") | _MAG | {"numChannels": 3}]
    )


_MAG: dict[str, Any] = {"mags": [{"mag": 1, "axisOrder": {"c": 0, "x": 1, "y": 2, "z": 3}}]}


def _write_array(path: Path, voxels: np.ndarray) -> None:
    # As the public library writes it: x varies fastest in a chunk.
    zarr.create_array(
        str(path),
        data=voxels,
        chunks=(voxels.shape[0], 32, 32, 32),
        filters=[TransposeCodec(order=(3, 2, 1, 0))],
        fill_value=0,
        zarr_format=3,
    )


def _layer(
    name: str,
    category: str,
    element_class: str,
    data_format: str,
    *,
    offset: tuple[int, int, int] = (0, 0, 0),
) -> dict[str, Any]:
    box = {"topLeft": list(offset), "width": SIZE, "height": SIZE, "depth": SIZE}
    return {
        "name": name,
        "category": category,
        "elementClass": element_class,
        "dataFormat": data_format,
        "boundingBox": box,
    }


def _write_properties(folder: Path, layers: list[dict[str, Any]]) -> None:
    properties = {
        "id": {"name": folder.name, "team": ""},
        "scale": {"factor": [10, 10, 10], "unit": "nanometer"},
        "dataLayers": layers,
    }
    (folder / "datasource-properties.json").write_text(json.dumps(properties))
