"""Small datasets on disk with known voxels, in any format, stored through the site's services."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore as ts
import wkw

from datasets.models import Dataset
from datasets.properties import DataSource, ElementClass
from datasets.services import data_source
from datasets.storage.local import dataset_directory
from sharing.models import Organization
from tests.factories import make_dataset, make_organization

VOXEL_SIZE = (4.0, 4.0, 40.0)
LAYER = "color"


@dataclass
class Streamed:
    """A dataset with one layer; `voxels` has, for each mag, an array (c, x, y, z) of the box."""

    dataset: Dataset
    voxels: dict[str, np.ndarray]
    top_left: tuple[int, int, int]

    @property
    def id(self) -> str:
        return self.dataset.pk

    @property
    def directory(self) -> Path:
        return dataset_directory(self.dataset)

    def in_space(self, mag: str = "1") -> np.ndarray:
        """The voxels (c, x, y, z) counted from voxel 0 of the mag."""
        voxels = self.voxels[mag]
        factors = np.array([int(part) for part in mag.split("-")] * (1 if "-" in mag else 3))
        low = np.array(self.top_left) // factors
        whole = np.zeros((voxels.shape[0], *(low + voxels.shape[1:])), voxels.dtype)
        whole[:, low[0] :, low[1] :, low[2] :] = voxels
        return whole


def make_streamed(
    *,
    organization: Organization | None = None,
    element_class: str = "uint8",
    data_format: str = "zarr3",
    size: tuple[int, int, int] = (70, 50, 40),
    top_left: tuple[int, int, int] = (0, 0, 0),
    mags: tuple[tuple[int, int, int], ...] = ((1, 1, 1),),
    channels: int | None = None,
    category: str = "color",
    layer_name: str = LAYER,
    options: dict[str, Any] | None = None,
    fields: dict[str, Any] | None = None,
) -> Streamed:
    """A dataset on disk and in the tables. `options` go to the writer of the format."""
    dataset = make_dataset(organization or make_organization(), **(fields or {}))
    kind = ElementClass(element_class)
    channels = channels or kind.channels
    properties = DataSource.model_validate(
        {
            "scale": {"factor": VOXEL_SIZE, "unit": "nanometer"},
            "dataLayers": [
                {
                    "name": layer_name,
                    "category": category,
                    "boundingBox": {
                        "topLeft": top_left,
                        "width": size[0],
                        "height": size[1],
                        "depth": size[2],
                    },
                    "elementClass": element_class,
                    "dataFormat": data_format,
                    "numChannels": channels if channels > 1 else None,
                    "mags": [{"mag": mag} for mag in mags],
                }
            ],
        }
    )
    (layer,) = properties.layers
    voxels = {}
    for entry in layer.mags:
        box = layer.bounding_box.in_mag(entry.mag)
        volume = noise(kind.dtype, (channels, *box.size))
        stored = np.zeros((channels, *box.bottom_right), volume.dtype)
        x, y, z = box.top_left
        stored[:, x:, y:, z:] = volume
        mag_directory = dataset_directory(dataset) / layer_name / entry.mag.literal
        mag_directory.mkdir(parents=True)
        WRITERS[data_format](mag_directory, stored, **(options or {}))
        voxels[entry.mag.literal] = volume
    data_source.store(dataset, properties)
    dataset.refresh_from_db()
    return Streamed(dataset, voxels, top_left)


def noise(dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Random voxels of the whole range of a type; the highest corner is empty."""
    rng = np.random.default_rng(5)
    if dtype.kind == "f":
        volume = rng.normal(size=shape).astype(dtype)
    else:
        info = np.iinfo(dtype)
        volume = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    volume[:, shape[1] // 2 :, shape[2] // 2 :, shape[3] // 2 :] = 0
    return volume


def write_zarr3(
    directory: Path,
    voxels: np.ndarray,
    *,
    chunk: int = 16,
    shard: int | None = 32,
    transpose: bool = True,
    compressor: dict[str, Any] | None = None,
) -> None:
    """Axes c, x, y, z; by default as the public library writes: shards, transposed, zstd."""
    channels = voxels.shape[0]
    codecs: list[dict[str, Any]] = []
    if transpose:
        codecs.append({"name": "transpose", "configuration": {"order": [3, 2, 1, 0]}})
    codecs.append({"name": "bytes", "configuration": {"endian": "little"}})
    codecs.append(compressor or {"name": "zstd", "configuration": {"level": 1}})
    grid = chunk
    if shard is not None:
        grid = shard
        codecs = [
            {
                "name": "sharding_indexed",
                "configuration": {
                    "chunk_shape": [channels, chunk, chunk, chunk],
                    "codecs": codecs,
                    "index_codecs": [
                        {"name": "bytes", "configuration": {"endian": "little"}},
                        {"name": "crc32c"},
                    ],
                },
            }
        ]
    spec = {
        "driver": "zarr3",
        "metadata": {
            "shape": voxels.shape,
            "data_type": voxels.dtype.name,
            "chunk_grid": {
                "name": "regular",
                "configuration": {"chunk_shape": [channels, grid, grid, grid]},
            },
            "codecs": codecs,
        },
    }
    _write(spec, directory, voxels)


def write_zarr2(
    directory: Path,
    voxels: np.ndarray,
    *,
    chunk: int = 32,
    order: str = "F",
    compressor: dict[str, Any] | None = None,
    separator: str = ".",
) -> None:
    spec = {
        "driver": "zarr",
        "metadata": {
            "shape": voxels.shape,
            "chunks": [voxels.shape[0], chunk, chunk, chunk],
            "dtype": voxels.dtype.str,
            "order": order,
            "compressor": compressor,
            "dimension_separator": separator,
        },
    }
    _write(spec, directory, voxels)


def write_n5(directory: Path, voxels: np.ndarray) -> None:
    spec = {
        "driver": "n5",
        "metadata": {
            "dimensions": voxels.shape,
            "blockSize": [voxels.shape[0], 16, 16, 16],
            "dataType": voxels.dtype.name,
            "compression": {"type": "gzip"},
        },
    }
    _write(spec, directory, voxels)


def write_wkw(directory: Path, voxels: np.ndarray) -> None:
    header = wkw.Header(
        voxels.dtype.type, num_channels=voxels.shape[0], block_len=32, file_len=2, block_type=2
    )
    with wkw.Dataset.create(str(directory), header) as file:
        # Only whole files can be compressed.
        room = [(0, 0), *((0, -length % 64) for length in voxels.shape[1:])]
        file.write((0, 0, 0), np.pad(voxels, room))


def _write(spec: dict[str, Any], directory: Path, voxels: np.ndarray) -> None:
    store = {**spec, "kvstore": {"driver": "file", "path": f"{directory}/"}}
    ts.open(store, create=True, delete_existing=True).result().write(voxels).result()


WRITERS = {"zarr3": write_zarr3, "zarr": write_zarr2, "n5": write_n5, "wkw": write_wkw}
