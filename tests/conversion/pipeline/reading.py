"""Reads what the pipeline wrote with other people's readers, always as (channel, z, y, x)."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorstore
import wkw
import zarr
from numpy.typing import NDArray

from datasets.properties import Vec3Int


def with_zarr(directory: Path) -> NDArray[Any]:
    return np.asarray(zarr.open_array(directory, mode="r")[:]).transpose(0, 3, 2, 1)


def with_tensorstore(directory: Path) -> NDArray[Any]:
    store = {"driver": "file", "path": str(directory)}
    array = tensorstore.open({"driver": "zarr3", "kvstore": store}).result()
    return np.asarray(array.read().result()).transpose(0, 3, 2, 1)


def with_wkw(directory: Path, shape: Vec3Int) -> NDArray[Any]:
    with wkw.Dataset.open(str(directory)) as dataset:
        return np.asarray(dataset.read((0, 0, 0), shape)).transpose(0, 3, 2, 1)


def files_below(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())
