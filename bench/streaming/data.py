"""The data that the streaming benchmark reads: layers whose stored chunks have a known size."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ORGANIZATION = "bench"
DIRECTORY = "streaming"


@dataclass(frozen=True)
class BenchLayer:
    """A layer of `count`^3 chunks of `chunk`^3 voxels, stored in `format`."""

    name: str
    data_format: str
    chunk: int
    count: int
    values: int
    shard: int | None = None

    @property
    def side(self) -> int:
        """The layer's length along each axis."""
        return self.chunk * self.count


# Noise of 5 bits a voxel: 32^3 voxels make 20 KiB with zstd, 64^3 make 170 KiB.
LAYERS = (
    BenchLayer("small", "zarr3", 32, 14, 32),
    BenchLayer("large", "zarr3", 64, 8, 36),
    BenchLayer("sharded", "zarr3", 32, 14, 32, shard=224),
    BenchLayer("wkw", "wkw", 32, 8, 32),
)


def make_dataset() -> tuple[Any, str]:
    """Write the layers to disk and into the tables; the dataset and the token of a link to it."""
    from datasets.models import Dataset
    from datasets.properties import DataSource
    from datasets.services import data_source
    from datasets.services.data_stores import local_data_store
    from datasets.services.folders import root_of
    from datasets.storage.local import dataset_directory
    from sharing.services.links import create_link, reveal_token
    from sharing.services.organizations import create_organization

    organization = create_organization(organization_id=ORGANIZATION, name="Benchmark")
    dataset = Dataset.objects.create(
        organization=organization,
        folder=root_of(organization),
        data_store=local_data_store(),
        name=DIRECTORY,
        directory_name=DIRECTORY,
    )
    for layer in LAYERS:
        _write(dataset_directory(dataset) / layer.name / "1", layer)
    data_source.store(dataset, DataSource.model_validate({
        "scale": {"factor": [4, 4, 40], "unit": "nanometer"},
        "dataLayers": [
            {
                "name": layer.name,
                "category": "color",
                "elementClass": "uint8",
                "dataFormat": layer.data_format,
                "boundingBox": {
                    "topLeft": [0, 0, 0],
                    "width": layer.side,
                    "height": layer.side,
                    "depth": layer.side,
                },
                "mags": [{"mag": 1}],
            }
            for layer in LAYERS
        ],
    }))  # fmt: skip
    link = create_link(thing=dataset, name="benchmark", created_by=None)
    return dataset, reveal_token(link)


def _write(directory: Path, layer: BenchLayer) -> None:
    import tensorstore as ts
    import wkw

    directory.mkdir(parents=True)
    voxels = np.random.default_rng(1).integers(0, layer.values, (1, *(layer.side,) * 3), "u1")
    if layer.data_format == "wkw":
        header = wkw.Header(np.uint8, block_len=32, file_len=8, block_type=2)
        with wkw.Dataset.create(str(directory), header) as file:
            file.write((0, 0, 0), voxels)
        return
    inner: list[dict[str, Any]] = [
        {"name": "transpose", "configuration": {"order": [3, 2, 1, 0]}},
        {"name": "bytes"},
        {"name": "zstd", "configuration": {"level": 1}},
    ]
    grid, codecs = layer.chunk, inner
    if layer.shard is not None:
        grid = layer.shard
        index = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
        chunk_shape = [1, layer.chunk, layer.chunk, layer.chunk]
        configuration = {"chunk_shape": chunk_shape, "codecs": inner, "index_codecs": index}
        codecs = [{"name": "sharding_indexed", "configuration": configuration}]
    chunks = {"name": "regular", "configuration": {"chunk_shape": [1, grid, grid, grid]}}
    spec = {
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": f"{directory}/"},
        "metadata": {
            "shape": voxels.shape, "data_type": "uint8", "chunk_grid": chunks, "codecs": codecs,
        },
    }  # fmt: skip
    ts.open(spec, create=True).result().write(voxels).result()
