"""New mags of layers that are there: where they are put, how they are stored, how they are told of
in the properties and in OME-NGFF metadata.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conversion.pipeline import ome
from conversion.pipeline.mag_array import MagArray
from conversion.pipeline.wkw_array import LARGEST_FILE_LENGTH, WkwArray
from conversion.pipeline.zarr_array import (
    CHUNK_SHAPE,
    COARSER_SHARD_SHAPE,
    METADATA_NAME,
    ZarrArray,
    write_metadata,
)
from conversion.pipeline.zstd import ZstdProfile
from conversion.tools.opened import OpenedDataset, OpenedMag
from conversion.tools.problem import ToolProblem
from datasets import properties
from datasets.properties import (
    DataFormat,
    DataSource,
    Layer,
    Mag,
    MagProperties,
    Vec3Int,
    VoxelSize,
)

AXES = ("c", "x", "y", "z")
"""Of new mags, behind additional axes."""


def layer_directory(dataset: OpenedDataset, layer: Layer) -> Path:
    """Where new mags of the layer are put: beside its finest one, where that is the dataset's own.

    Raises ToolProblem where the layer's directory is a link to somewhere else.
    """
    own = Path(os.path.realpath(dataset.directory))
    if layer.mags:
        beside = Path(os.path.realpath(dataset.mags(layer)[0].directory)).parent
        if beside != own and beside.is_relative_to(own):
            return beside
    directory = own / layer.name
    if Path(os.path.realpath(directory)) != directory:
        raise ToolProblem(
            f"The directory of layer '{layer.name}' is a link to another place, whose data this "
            "dataset only shares.",
            "Work on the dataset that the data belongs to.",
        )
    return directory


def new_array(
    directory: Path,
    *,
    like: OpenedMag,
    shape: Vec3Int,
    data_format: DataFormat,
    largest_shard: Vec3Int = COARSER_SHARD_SHAPE,
    chunk_shape: Vec3Int = CHUNK_SHAPE,
    profile: ZstdProfile = ZstdProfile.TUNED,
    largest_file_length: int = LARGEST_FILE_LENGTH,
) -> MagArray:
    """An array at `directory` for voxels as those of `like`, of `shape` (x, y, z).

    Shards, chunks and profile are of Zarr; `largest_file_length`, in blocks, of WKW.

    Raises ToolProblem for formats that are only read, and for what a format can't hold.
    """
    axes = _additional_axes(like)
    dtype, channels = like.array.dtype.newbyteorder("="), like.array.num_channels
    title = f"Layer '{like.layer.name}'"
    try:
        match data_format:
            case DataFormat.ZARR3:
                return ZarrArray(
                    directory,
                    shape=shape,
                    dtype=dtype,
                    num_channels=channels,
                    largest_shard=largest_shard,
                    chunk_shape=chunk_shape,
                    profile=profile,
                    axes=axes,
                )
            case DataFormat.WKW if not axes:
                return WkwArray(
                    directory,
                    shape=shape,
                    dtype=dtype,
                    num_channels=channels,
                    largest_file_length=largest_file_length,
                )
    except ValueError as error:
        raise ToolProblem(f"{title} can't be written as {data_format.value}. {error}") from error
    if data_format is DataFormat.WKW:
        names = ", ".join(name for name, _ in axes)
        raise ToolProblem(
            f"{title} has the additional axes {names}, which WKW has no place for.",
            f"Write it as {DataFormat.ZARR3.value}.",
        )
    raise ToolProblem(
        f"{title} is stored as {data_format.value}, which is only read here, not written.",
        f"Rewrite the dataset as {DataFormat.ZARR3.value} first.",
    )


def _additional_axes(like: OpenedMag) -> tuple[tuple[str, int], ...]:
    """Name and length of each; all mags of a layer must have them in the same places."""
    axes = tuple((axis.name, axis.size) for axis in like.array.additional_axes)
    places = {axis.name: axis.index for axis in like.layer.additional_axes}
    if any(places.get(name, place) != place for place, (name, _) in enumerate(axes)):
        raise ToolProblem(
            f"The additional axes of layer '{like.layer.name}' are stored behind its channels, but "
            "new mags have them in front, and all mags of a layer are stored alike.",
            "Convert the original images anew.",
        )
    return axes


def mag_properties(dataset: OpenedDataset, place: Path, mag: Mag, array: MagArray) -> MagProperties:
    """What the properties say of a new mag at `place`, inside of the dataset's directory."""
    inside = place.relative_to(os.path.realpath(dataset.directory))
    return MagProperties(
        mag=mag,
        path=f"./{inside}",
        cube_length=array.layout.file_shape[0] if isinstance(array, WkwArray) else None,
        axis_order=axis_order(len(array.axes) if isinstance(array, ZarrArray) else 0),
    )


def axis_order(additional_axes: int) -> dict[str, int]:
    """The places of `AXES` in new mags; those of additional axes are told of the layer alone."""
    return {name: place for place, name in enumerate(AXES, additional_axes)}


def update_ome(
    directory: Path, mags: Sequence[Mag], voxel_size: VoxelSize, further_axes: Sequence[str] = ()
) -> None:
    """Have the OME-NGFF metadata of the layer in `directory`, if there is any, name these mags too.

    Metadata with other axes than those that new mags have is left alone, since it could not say
    how they lie.
    """
    try:
        group = json.loads((directory / METADATA_NAME).read_bytes())
        multiscale = group["attributes"]["ome"]["multiscales"][0]
        axes = [axis["name"] for axis in multiscale["axes"]]
        known = {entry["path"] for entry in multiscale["datasets"]}
    except (OSError, ValueError, LookupError, TypeError):
        return
    described = ome.layer_group(directory.name, mags, voxel_size, further_axes)
    for ours in described.get("attributes", {}).get("ome", {}).get("multiscales", ()):
        added = [entry for entry in ours["datasets"] if entry["path"] not in known]
        if added and axes == [axis["name"] for axis in ours["axes"]]:
            multiscale["datasets"] = [*multiscale["datasets"], *added]
            write_metadata(directory, group)


def with_mags(
    data_source: DataSource, layer_name: str, added: Sequence[MagProperties]
) -> DataSource:
    """The properties with these mags in the layer, in place of others of the same literals."""
    replaced = {mag.mag for mag in added}
    layers = []
    for layer in data_source.layers:
        if layer.name == layer_name:
            kept = [mag for mag in layer.mags if mag.mag not in replaced]
            mags = sorted([*kept, *added], key=lambda each: (max(each.mag), *each.mag))
            layer = layer.model_copy(update={"mags": tuple(mags)})
        layers.append(layer)
    return data_source.model_copy(update={"layers": tuple(layers)})


def add_to_file(directory: Path, layer_name: str, mag: MagProperties) -> None:
    """Add a mag to the properties file of the dataset in `directory`, as it is by now."""
    file = directory / properties.FILE_NAME
    properties.write(file, with_mags(properties.read(file), layer_name, [mag]))


def inputs_of(source: OpenedMag, **further: Any) -> dict[str, Any]:
    """What stands for a mag that something is made of, as JSON, to notice that it is another one.

    Chunks that somebody rewrote without touching the mag's metadata are not noticed.
    """
    metadata = {
        name: (found.st_size, found.st_mtime_ns)
        for name in ("header.wkw", "zarr.json", ".zarray", "attributes.json")
        if (found := _status(source.directory / name)) is not None
    }
    return {
        "source": os.path.realpath(source.directory),
        "metadata": metadata,
        "bounding_box": source.layer.bounding_box.to_json(),
        "shape": source.array.shape,
        "dtype": source.array.dtype.name,
        **further,
    }


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
