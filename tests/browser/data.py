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


def ramp(axis: int) -> np.ndarray:
    """uint8 voxels (x, y, z) that tell their place on one axis: `gray_of_place`."""
    places = np.arange(SIZE, dtype=np.uint8).reshape([-1 if i == axis else 1 for i in range(3)])
    return np.broadcast_to(gray_of_place(places), (SIZE, SIZE, SIZE)).copy()


def gray_of_place(place: Any) -> Any:
    """How bright the voxels at a place of a `ramp` are."""
    return 20 + 3 * place


def noise(element_class: str) -> np.ndarray:
    """Voxels (x, y, z) that are unlike their neighbours; every value of the type may occur."""
    most = np.iinfo(element_class).max
    shape = (SIZE, SIZE, SIZE)
    return np.random.default_rng(5).integers(0, most, shape, element_class, endpoint=True)


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


def write_noise(folder: Path, *, element_class: str, category: str, data_format: str) -> None:
    """A dataset with the layer `noise`, in WKW or Zarr v3."""
    path = folder / "noise" / "1"
    voxels = noise(element_class)[np.newaxis]
    layer = _layer("noise", category, element_class, data_format)
    if data_format == "wkw":
        path.mkdir(parents=True)
        # Only whole files can be written compressed.
        header = wkw.Header(voxels.dtype.type, 1, block_len=32, file_len=2, block_type=2)
        with wkw.Dataset.create(str(path), header) as dataset:
            dataset.write((0, 0, 0), voxels)
        layer["wkwResolutions"] = [{"resolution": 1, "cubeLength": 64}]
    else:
        _write_array(path, voxels)
        layer |= _MAG
    _write_properties(folder, [layer])


def write_ramp(folder: Path, *, axis: int) -> None:
    """A Zarr v3 dataset whose voxels tell their place on one axis."""
    _write_array(folder / "color" / "1", ramp(axis)[np.newaxis])
    _write_properties(folder, [_layer("color", "color", "uint8", "zarr3") | _MAG])


def write_times(folder: Path) -> None:
    """A Zarr v3 dataset of four times whose voxels tell theirs."""
    voxels = np.empty((1, 4, SIZE, SIZE, SIZE), np.uint8)
    for time in range(4):
        voxels[:, time] = gray_of_place(time)
    path = folder / "color" / "1"
    zarr.create_array(
        str(path), data=voxels, chunks=(1, 1, 32, 32, 32), fill_value=0, zarr_format=3
    )
    order = {"axisOrder": {"c": 0, "x": 2, "y": 3, "z": 4}}
    layer = _layer("color", "color", "uint8", "zarr3") | {"mags": [{"mag": 1} | order]}
    axis = {"name": "t", "bounds": [0, 4], "index": 1}
    _write_properties(folder, [layer | {"additionalAxes": [axis]}])


def write_zarr3_damaged(folder: Path) -> None:
    """The same, but the chunk at the far end of all axes is cut: where it is stored nobody sees."""
    write_zarr3_color(folder)
    chunk = folder / "color" / "1" / "c" / "0" / "1" / "1" / "1"
    chunk.write_bytes(chunk.read_bytes()[:9])


def write_wkw_damaged(folder: Path) -> None:
    """A WKW dataset whose only file of voxels is cut within the first blocks."""
    write_wkw(folder)
    (file,) = (folder / "color" / "1").rglob("x*.wkw")
    file.write_bytes(file.read_bytes()[:20_000])


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


def write_stains(folder: Path) -> None:
    """A Zarr v3 dataset: the layers `actin` and `tubulin`, each filled in one half only."""
    layers = []
    for name, half in (("actin", slice(THRESHOLD)), ("tubulin", slice(THRESHOLD, None))):
        voxels = np.zeros((1, SIZE, SIZE, SIZE), np.uint8)
        voxels[0, half] = 255
        _write_array(folder / name / "1", voxels)
        layers.append(_layer(name, "color", "uint8", "zarr3") | _MAG)
    _write_properties(folder, layers)


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
