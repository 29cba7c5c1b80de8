"""Plans over voxels in memory, and what the written layers have to be."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.pipeline.columns import Budget
from conversion.pipeline.downsample import Filter, downsample
from conversion.pipeline.plan import OutputFormat, Plan, PlannedLayer
from conversion.pipeline.sources import Source
from conversion.pipeline.zstd import ZstdProfile
from datasets.properties import Category, DataFormat, Layer, LengthUnit, Mag, Vec3Int, VoxelSize
from datasets.voxels.box import Box
from datasets.voxels.open import open_mag

VOXEL = VoxelSize(factor=(4, 4, 10), unit=LengthUnit.NANOMETER)
TINY = Budget(slab_bytes=1 << 15, column_bytes=1 << 16)
"""So that small arrays have several columns, bands and stages."""
MAGS = tuple(Mag(*m) for m in ((1, 1, 1), (2, 2, 1), (4, 4, 2), (8, 8, 4), (16, 16, 8)))
Voxels = NDArray[Any]


class MemorySource(Source):
    """Voxels (additional axes, channel, z, y, x); tells what was read of it."""

    def __init__(
        self,
        voxels: Voxels,
        *,
        axes: Sequence[str] = (),
        reads_bands: bool = True,
        before_read: Callable[[range], None] = lambda z: None,
    ) -> None:
        self.shape = (voxels.shape[-1], voxels.shape[-2], voxels.shape[-3])
        self.dtype = voxels.dtype
        self.num_channels = voxels.shape[-4]
        self.files = ()
        self.origin = f"memory {voxels.shape}"
        self.reads_bands = reads_bands
        self.reads: list[tuple[range, range]] = []
        self._voxels = voxels
        self._axes = axes
        self._before_read = before_read

    def read(self, index: Mapping[str, int], z: range, y: range, out: Voxels) -> None:
        self._before_read(z)
        self.reads.append((z, y))
        volume = self._voxels[tuple(index[axis] for axis in self._axes)]
        out[...] = volume[:, z.start : z.stop, y.start : y.stop]


def random_voxels(
    shape: Vec3Int, dtype: str = "uint8", channels: int = 1, times: tuple[int, ...] = ()
) -> Voxels:
    x, y, z = shape
    values = np.random.default_rng(5).integers(0, 120, (*times, channels, z, y, x)).astype(dtype)
    return values / np.float32(7) if np.dtype(dtype).kind == "f" else values


def planned(source: Source, name: str = "layer", **options: Any) -> PlannedLayer:
    settings: dict[str, Any] = {
        "category": Category.COLOR,
        "mags": MAGS[:4],
        "filter": Filter.MEDIAN,
        "data_format": DataFormat.ZARR3,
        "profile": ZstdProfile.FAST,
        "chunk_shape": (16, 16, 16),
        "shard_shape": (64, 64, 32),
    }
    return PlannedLayer(name=name, source=source, **(settings | options))


def wkw(**options: Any) -> dict[str, Any]:
    """The options of a layer in small WKW cubes."""
    data_format: OutputFormat = DataFormat.WKW
    settings = {
        "data_format": data_format,
        "chunk_shape": (32, 32, 32),
        "shard_shape": (64, 64, 64),
    }
    return settings | options


def plan_of(*layers: PlannedLayer) -> Plan:
    return Plan(VOXEL, "the test", layers)


def pyramid(voxels: Voxels, mags: Sequence[Mag], filter_: Filter) -> Iterator[tuple[Mag, Voxels]]:
    """All mags of a (channel, z, y, x) volume, each made from the whole of the one before."""
    previous = mags[0]
    for mag in mags:
        x, y, z = (coarse // fine for coarse, fine in zip(mag, previous, strict=True))
        channels, depth, height, width = voxels.shape
        coarser = np.empty(
            (channels, -(-depth // z), -(-height // y), -(-width // x)), voxels.dtype
        )
        for source, target in zip(voxels, coarser, strict=True):
            downsample(source, target, (x, y, z), filter_)
        yield mag, coarser
        voxels, previous = coarser, mag


def stored(dataset: Path, layer: Layer, mag: Mag, index: Mapping[str, int] | None = None) -> Voxels:
    """All voxels of a mag as the site reads them, (channel, z, y, x), as the properties say."""
    properties = next(one for one in layer.mags if one.mag == mag)
    array = open_mag(
        dataset / str(properties.path),
        layer.data_format.value,
        axis_order=properties.axis_order or None,
        additional_axes={axis.name: axis.index for axis in layer.additional_axes},
    )
    box = Box((0, 0, 0), array.shape[1:])
    return array.read(box, additional=index or {}).transpose(0, 3, 2, 1)


def assert_layer(
    dataset: Path,
    layer: Layer,
    voxels: Voxels,
    filter_: Filter = Filter.MEDIAN,
    index: Mapping[str, int] | None = None,
) -> None:
    """Every mag is what the whole array, made coarser mag by mag, gives."""
    mags = [mag.mag for mag in layer.mags]
    for mag, expected in pyramid(voxels, mags, filter_):
        found = stored(dataset, layer, mag, index)
        end = tuple(slice(length) for length in expected.shape)
        np.testing.assert_array_equal(found[end], expected, err_msg=mag.literal)
        assert not found[:, expected.shape[1] :].any()  # WKW goes on to the end of its cubes
