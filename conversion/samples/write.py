"""Puts the made-up sample datasets into an organization's directory, for a first look around."""

import functools
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from conversion.pipeline.write_layer import write_dataset, write_layer
from conversion.samples.electron_microscopy import ElectronMicroscope
from conversion.samples.fluorescence import Culture
from conversion.samples.tissue import Tissue
from datasets.properties import Category, DataFormat, LengthUnit, Vec3Int, VoxelSize

WrittenFormat = Literal[DataFormat.ZARR3, DataFormat.WKW]

NEUROPIL_SHAPE = (512, 512, 128)  # x, y, z
NEUROPIL_VOXEL = VoxelSize(factor=(11.24, 11.24, 25), unit=LengthUnit.NANOMETER)
CULTURE_SHAPE = (256, 256, 64)
CULTURE_VOXEL = VoxelSize(factor=(0.2, 0.2, 0.5), unit=LengthUnit.MICROMETER)
STAINS = {
    "nuclei": ([70, 110, 255], [120, 5500]),
    "tubules": ([60, 230, 90], [120, 2600]),
    "puncta": ([255, 90, 60], [120, 3200]),
}
"""Name, colour and range of intensity of each channel of the culture."""

_SEED = 7
_SLAB = 32  # slices


def write_sample_datasets(organization_directory: Path) -> list[str]:
    """Write the sample datasets that are not there yet and return their names.

    They are two formats of one block of brain tissue under an electron microscope, with its
    segmentation, and a cell culture in three colours. A dataset appears by a rename when it is
    complete, so that a scan never meets half of one.
    """
    neuropil = functools.cache(_neuropil)  # made at most once, kept only in here
    samples: dict[str, Callable[[Path], None]] = {
        "sample_neuropil_wkw": lambda to: _write_neuropil(to, neuropil(), DataFormat.WKW),
        "sample_neuropil_zarr": lambda to: _write_neuropil(to, neuropil(), DataFormat.ZARR3),
        "sample_cell_culture": _write_culture,
    }
    organization_directory.mkdir(parents=True, exist_ok=True)
    missing = [name for name in samples if not (organization_directory / name).exists()]
    for name in missing:
        with tempfile.TemporaryDirectory(prefix=".sample-", dir=organization_directory) as aside:
            dataset = Path(aside) / name
            samples[name](dataset)
            dataset.rename(organization_directory / name)
    return missing


def _neuropil() -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """The image and the cells of the tissue, (z, y, x)."""
    width, height, depth = NEUROPIL_SHAPE
    x, _, z = NEUROPIL_VOXEL.factor
    tissue = Tissue(_SEED, (depth, height, width), thickness=z / x)
    microscope = ElectronMicroscope(tissue, _SEED)
    image = np.empty((depth, height, width), np.uint8)
    cells = np.empty((depth, height, width), np.uint16)

    def make(z: int) -> None:
        one = tissue.slice(z)
        cells[z] = one.cell
        image[z] = microscope.image(z, one)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(make, range(depth)))
    return image, cells


def _write_neuropil(
    dataset: Path,
    neuropil: tuple[NDArray[np.uint8], NDArray[np.uint16]],
    data_format: WrittenFormat,
) -> None:
    image, cells = neuropil
    color = write_layer(
        dataset,
        "color",
        _slabs(image, np.dtype(np.uint8)),
        shape=NEUROPIL_SHAPE,
        dtype=np.dtype(np.uint8),
        category=Category.COLOR,
        voxel_size=NEUROPIL_VOXEL,
        data_format=data_format,
    )
    segmentation = write_layer(
        dataset,
        "segmentation",
        _slabs(cells, np.dtype(np.uint32)),
        shape=NEUROPIL_SHAPE,
        dtype=np.dtype(np.uint32),
        category=Category.SEGMENTATION,
        voxel_size=NEUROPIL_VOXEL,
        data_format=data_format,
    )
    write_dataset(dataset, NEUROPIL_VOXEL, [color, segmentation])


def _write_culture(dataset: Path) -> None:
    culture = Culture(3, _reversed(CULTURE_SHAPE))
    volumes = (culture.nuclei(), culture.tubules(), culture.puncta())
    layers = []
    for (name, (rgb, intensities)), volume in zip(STAINS.items(), volumes, strict=True):
        layer = write_layer(
            dataset,
            name,
            _slabs(volume, volume.dtype),
            shape=CULTURE_SHAPE,
            dtype=volume.dtype,
            category=Category.COLOR,
            voxel_size=CULTURE_VOXEL,
        )
        view = {"color": rgb, "intensityRange": intensities}
        layers.append(layer.model_copy(update={"default_view_configuration": view}))
    write_dataset(dataset, CULTURE_VOXEL, layers)


def _slabs(volume: NDArray[Any], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    for z in range(0, volume.shape[0], _SLAB):
        yield volume[None, z : z + _SLAB].astype(dtype, copy=False)


def _reversed(shape: Vec3Int) -> Vec3Int:
    x, y, z = shape
    return z, y, x
