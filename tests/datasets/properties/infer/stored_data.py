"""Writing the metadata of datasets, without voxels, and reading what was inferred of them."""

import json
import struct
from pathlib import Path
from typing import Any

from datasets.properties import Layer
from datasets.properties.infer import Inference

Json = dict[str, Any]


def write_json(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def wkw_mag(path: Path, files: list[tuple[int, int, int]], voxel: int = 1, size: int = 1) -> None:
    """A WKW mag whose files, at the given x, y, z, are cubes of 1024 voxels a side."""
    path.mkdir(parents=True)
    header = struct.pack("<3sBBBBBQ", b"WKW", 1, 0x55, 2, voxel, size, 0)
    (path / "header.wkw").write_bytes(header)
    for x, y, z in files:
        file = path / f"z{z}" / f"y{y}" / f"x{x}.wkw"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def zarr2(path: Path, shape: list[int], dtype: str = "|u1") -> None:
    write_json(path / ".zarray", {"zarr_format": 2, "shape": shape, "dtype": dtype})


def zarr3(path: Path, shape: list[int], dtype: str = "uint8", **more: Any) -> None:
    document = {"zarr_format": 3, "node_type": "array", "shape": shape, "data_type": dtype}
    write_json(path / "zarr.json", document | more)


def n5(path: Path, dimensions: list[int], data_type: str = "uint8", **more: Any) -> None:
    write_json(path / "attributes.json", {"dimensions": dimensions, "dataType": data_type} | more)


def axes(names: str, unit: str | None = "micrometer") -> list[Json]:
    space = {"unit": unit} if unit else {}
    return [{"name": name} | (space if name in "xyz" else {}) for name in names]


def multiscale(names: str, levels: dict[str, list[float]], **more: Any) -> Json:
    datasets = [
        {"path": path, "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        for path, scale in levels.items()
    ]
    return {"axes": axes(names), "datasets": datasets} | more


def ome3(path: Path, image: Json, **more: Any) -> None:
    ome = {"version": "0.5", "multiscales": [image], **more}
    write_json(
        path / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
    )


def boxes(found: Inference) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    boxes = {layer.name: layer.bounding_box for layer in found.layers}
    return {name: (box.top_left, box.size) for name, box in boxes.items()}


def only_layer(found: Inference) -> Layer:
    (layer,) = found.layers
    return layer


def paths(layer: Layer) -> dict[str, str | None]:
    return {mag.mag.literal: mag.path for mag in layer.mags}
