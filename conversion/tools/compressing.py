"""Compresses the mags of a dataset where they lie: raw WKW, and Zarr v3 without codec or shards.

The compressed mag grows beside the other and takes its name once it is whole. That takes two
renames; a kill between them is made good by the next call.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from conversion.pipeline.part_file import sync_directory
from conversion.pipeline.wkw_array import HEADER_NAME
from conversion.pipeline.zarr_array import CHUNK_SHAPE, METADATA_NAME, write_metadata
from conversion.tools import growing
from conversion.tools.mag_copy import MagCopy
from conversion.tools.new_mags import AXES, axis_order, inputs_of, new_array
from conversion.tools.opened import OpenedDataset, OpenedMag
from conversion.tools.problem import ToolProblem
from conversion.tools.progress import Meter, Report, say_nothing
from datasets.properties import DataFormat, Mag, Vec3Int
from datasets.voxels.wkw_header import HEADER_BYTES, BlockType, WkwHeader, parse_header

_CODECS = {"zstd", "gzip", "blosc", "bz2", "numcodecs.zstd", "numcodecs.lz4", "numcodecs.blosc"}
_LARGEST_CHUNK_LENGTH = 128
"""Chunks up to this length are kept, larger ones are cut: a viewer decodes whole chunks."""


def compress(
    dataset: OpenedDataset,
    *,
    layer_name: str | None = None,
    mags: Sequence[Mag] = (),
    threads: int = 2,
    report: Report = say_nothing,
) -> list[OpenedMag]:
    """Compress these mags (all by default) of the layer, or of all layers; those that needed it.

    Voxels stay exactly the same, and so does what the properties say. Raises ToolProblem for what
    can't be read or written, OSError where the disk fails; what is not done stays as it was.
    """
    found = list(_chosen(dataset, layer_name, mags))
    wanted = [mag for mag in found if not is_compressed(mag)]
    for mag in wanted:
        _require_rewritable(mag)
    meter = Meter(report, sum(mag.total_bytes for mag in wanted))
    for mag in wanted:
        _compress(mag, threads, meter)
    return wanted


def is_compressed(mag: OpenedMag) -> bool:
    """Whether the mag's chunks are compressed and, as Zarr, many of them share a file."""
    match mag.layer.data_format:
        case DataFormat.WKW:
            return _wkw_header(mag).block_type is not BlockType.RAW
        case DataFormat.ZARR3:
            codecs = _zarr_metadata(mag.directory)["codecs"]
            sharded = [codec for codec in codecs if codec["name"] == "sharding_indexed"]
            inner = [codec for shard in sharded for codec in shard["configuration"]["codecs"]]
            return any(codec["name"] in _CODECS for codec in inner)
        case DataFormat.NEUROGLANCER_PRECOMPUTED | DataFormat.ZARR | DataFormat.N5:
            raise ToolProblem(
                f"Layer '{mag.layer.name}' is stored as {mag.layer.data_format.value}, which is "
                "only read here, not written.",
                "Convert the dataset to another one with 'manage.py convert'.",
            )


def _chosen(
    dataset: OpenedDataset, layer_name: str | None, mags: Sequence[Mag]
) -> Iterator[OpenedMag]:
    for layer in dataset.layers(layer_name):
        for mag in layer.mags:
            for path in [mag.path] if mag.path else layer.default_mag_paths(mag.mag):
                _finish_renaming(dataset.directory / path)
        yield from (dataset.mag(layer, mag) for mag in mags) if mags else dataset.mags(layer)


def _require_rewritable(mag: OpenedMag) -> None:
    """Raise ToolProblem where the new array would lie otherwise than the properties say."""
    axes = [axis.name for axis in mag.array.additional_axes]
    expected = axis_order(len(axes))
    if mag.properties.channel_index is not None or (mag.properties.axis_order or expected) != (
        expected
    ):
        raise ToolProblem(
            f"Mag {mag.mag.literal} of layer '{mag.layer.name}' has its axes in another order than "
            f"{', '.join([*axes, *AXES])}, or is shared with other layers.",
            "Convert the dataset to another one with 'manage.py convert'.",
        )


def _compress(mag: OpenedMag, threads: int, meter: Meter) -> None:
    place = Path(os.path.realpath(mag.directory))
    compressed, _ = _beside(place)
    x, y, z = mag.array.chunk_shape[1:]
    is_kept = mag.layer.data_format is DataFormat.ZARR3 and max(x, y, z) <= _LARGEST_CHUNK_LENGTH
    chunk_shape: Vec3Int = (x, y, z) if is_kept else CHUNK_SHAPE
    # As the properties say of a WKW mag; what is stored has whole files.
    file_length = _wkw_header(mag).file_len if mag.layer.data_format is DataFormat.WKW else 1

    def fill(directory: Path) -> None:
        array = new_array(
            directory,
            like=mag,
            shape=mag.array.extent.end,
            data_format=mag.layer.data_format,
            chunk_shape=chunk_shape,
            largest_file_length=file_length,
        )
        stage = f"Layer '{mag.layer.name}', mag {mag.mag.literal}"
        # All that is stored, also beyond the layer's box.
        MagCopy(mag, target=array, target_box=mag.array.extent).run(meter, stage, threads=threads)
        if mag.layer.data_format is DataFormat.ZARR3:
            attributes = _zarr_metadata(mag.directory).get("attributes", {})
            write_metadata(directory, _zarr_metadata(directory) | {"attributes": attributes})

    inputs = inputs_of(mag, files=_files(place))
    growing.grow(compressed, inputs, fill)
    if inputs_of(mag, files=_files(place)) != inputs:
        growing.discard(compressed)
        raise ToolProblem(
            f"Mag {mag.mag.literal} of layer '{mag.layer.name}' was changed while it was "
            "compressed, and stays as it is.",
            "Compress it again when nobody writes into it.",
        )
    _swap(place)
    growing.settle(compressed)


def _files(directory: Path) -> tuple[int, int]:
    """How many files there are, and when one of them last changed, in nanoseconds."""
    count = latest = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            count += 1
            latest = max(latest, os.stat(f"{parent}/{name}").st_mtime_ns)  # noqa: PTH116 (fast)
    return count, latest


def _wkw_header(mag: OpenedMag) -> WkwHeader:
    with (mag.directory / HEADER_NAME).open("rb") as file:
        return parse_header(file.read(HEADER_BYTES))


def _zarr_metadata(directory: Path) -> dict[str, Any]:
    metadata: dict[str, Any] = json.loads((directory / METADATA_NAME).read_bytes())
    return metadata


def _beside(place: Path) -> tuple[Path, Path]:
    """Where the compressed mag waits for its name, and where the other one goes."""
    return (
        place.with_name(f".{place.name}.compressed"),
        place.with_name(f".{place.name}.uncompressed"),
    )


def _swap(place: Path) -> None:
    compressed, uncompressed = _beside(place)
    place.rename(uncompressed)
    compressed.rename(place)
    sync_directory(place.parent)
    shutil.rmtree(uncompressed)


def _finish_renaming(place: Path) -> None:
    """Do what a kill left to do in `_swap`."""
    place = Path(os.path.realpath(place))
    compressed, uncompressed = _beside(place)
    if not uncompressed.is_dir():
        return
    if not place.exists() and compressed.is_dir():
        compressed.rename(place)
        sync_directory(place.parent)
    if place.is_dir():
        shutil.rmtree(uncompressed)
        growing.settle(compressed)
