"""Writes the mags of a layer anew in another format, chunk or shard shape, or codec.

Every mag is copied voxel by voxel, so that none becomes another one than it was. All of them grow
together in a new directory beside the old; making the properties name it, and removing the old data
after that, is the caller's.
"""

import itertools
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conversion.pipeline import ome
from conversion.pipeline.geometry import maximum, minimum, subtract
from conversion.pipeline.mag_array import MagArray
from conversion.pipeline.plan import OutputFormat
from conversion.pipeline.shapes import shapes_problem
from conversion.pipeline.zarr_array import CHUNK_SHAPE, COARSER_SHARD_SHAPE, write_metadata
from conversion.pipeline.zstd import ZstdProfile
from conversion.tools import growing
from conversion.tools.mag_copy import MagCopy
from conversion.tools.new_mags import inputs_of, mag_properties, new_array
from conversion.tools.opened import OpenedDataset, OpenedMag
from conversion.tools.problem import ToolProblem
from conversion.tools.progress import Meter
from datasets.properties import AdditionalAxis, DataFormat, Layer, MagProperties, Vec3Int
from datasets.voxels.box import Box


@dataclass(frozen=True)
class Form:
    """How voxels are to be stored; shapes are in voxels, x, y, z. WKW has the usual ones only."""

    data_format: OutputFormat = DataFormat.ZARR3
    chunk_shape: Vec3Int = CHUNK_SHAPE
    shard_shape: Vec3Int = COARSER_SHARD_SHAPE
    profile: ZstdProfile = ZstdProfile.TUNED

    def __post_init__(self) -> None:
        self.check(voxel_bytes=1)

    def check(self, *, voxel_bytes: int) -> None:
        """Raise ToolProblem where voxels of this size can't be stored so."""
        if problem := shapes_problem(
            self.data_format, self.chunk_shape, self.shard_shape, voxel_bytes=voxel_bytes
        ):
            raise ToolProblem(*problem)


def rewrite_layer(
    dataset: OpenedDataset,
    layer: Layer,
    form: Form,
    *,
    threads: int = 2,
    meter: Meter,
) -> Layer:
    """Write all mags of the layer in another form; the layer as the properties are to say it.

    Killed, it goes on where it stopped when it is called again for the same. Raises ToolProblem for
    what can't be read or has no place in the format, OSError where the disk fails.
    """
    mags = dataset.mags(layer)
    form.check(voxel_bytes=mags[0].voxel_bytes)
    inputs = growing.as_json({"form": asdict(form), "mags": [inputs_of(mag) for mag in mags]})
    directory = _free_directory(dataset, layer, form, inputs)

    def fill(contents: Path) -> None:
        for mag in mags:
            array = _array(contents / mag.mag.literal, mag, form)
            stage = f"Layer '{layer.name}', mag {mag.mag.literal}"
            MagCopy(mag, target=array, target_box=_copied_box(mag)).run(
                meter, stage, threads=threads
            )
        if form.data_format is DataFormat.ZARR3:
            axes = [axis.name for axis in mags[0].array.additional_axes]
            names, voxel_size = [mag.mag for mag in mags], dataset.data_source.voxel_size
            write_metadata(contents, ome.layer_group(layer.name, names, voxel_size, axes))

    growing.grow(directory, inputs, fill)
    return layer.model_copy(
        update={
            "data_format": form.data_format,
            "additional_axes": tuple(
                axis.model_copy(update={"index": place})
                for place, axis in enumerate(_axes_as_stored(layer, mags[0]))
            ),
            "mags": tuple(
                _described(dataset, directory / mag.mag.literal, mag, form) for mag in mags
            ),
        }
    )


def copied_bytes(mag: OpenedMag) -> int:
    """The size of all voxels that `rewrite_layer` copies of the mag."""
    return _copied_box(mag).volume * mag.voxel_bytes * sum(1 for _ in mag.stored_indices())


def is_rewritten(dataset: OpenedDataset, layer: Layer, form: Form) -> bool:
    """Whether the layer is what an earlier attempt of the same has written, before `settle`."""
    begun = [growing.begun_with(place) for place in _places(dataset, layer)]
    return any(inputs and inputs["form"] == growing.as_json(asdict(form)) for inputs in begun)


def settle(dataset: OpenedDataset, layer: Layer) -> None:
    """All that was to be rewritten is: forget how the layer came about."""
    for place in _places(dataset, layer):
        growing.settle(place)


def _places(dataset: OpenedDataset, layer: Layer) -> set[Path]:
    """The directories that hold the layer's mags."""
    own = Path(os.path.realpath(dataset.directory))
    return {(own / mag.path).parent for mag in layer.mags if mag.path}


def _free_directory(
    dataset: OpenedDataset, layer: Layer, form: Form, inputs: dict[str, Any]
) -> Path:
    """The first of `<layer>-<format>`, `<layer>-<format>-2` ... that is free, or that an earlier
    attempt has made of the same; never one that holds the layer's mags.
    """
    taken = _places(dataset, layer)
    own = Path(os.path.realpath(dataset.directory))
    for number in itertools.count(1):
        suffix = "" if number == 1 else f"-{number}"
        directory = own / f"{layer.name}-{form.data_format.value}{suffix}"
        if directory in taken:
            continue
        if not os.path.lexists(directory) or growing.begun_with(directory) == inputs:
            return directory
    raise AssertionError("unreachable")


def _copied_box(mag: OpenedMag) -> Box:
    """The layer's box, and all that is stored beyond it: somebody may make the box larger later."""
    stored, box = mag.array.extent, mag.box
    start = minimum(stored.offset, box.offset)
    return Box(start, subtract(maximum(stored.end, box.end), start))


def _array(place: Path, mag: OpenedMag, form: Form) -> MagArray:
    return new_array(
        place,
        like=mag,
        shape=_copied_box(mag).end,
        data_format=form.data_format,
        chunk_shape=form.chunk_shape,
        largest_shard=form.shard_shape,
        profile=form.profile,
    )


def _described(dataset: OpenedDataset, place: Path, mag: OpenedMag, form: Form) -> MagProperties:
    """What the properties say of the rewritten mag; keys that are not known here are kept."""
    said = mag_properties(dataset, place, mag.mag, _array(place, mag, form))
    changed = {name: getattr(said, name) for name in ("path", "cube_length", "axis_order")}
    return mag.properties.model_copy(update={**changed, "channel_index": None})


def _axes_as_stored(layer: Layer, mag: OpenedMag) -> list[AdditionalAxis]:
    named = {axis.name: axis for axis in layer.additional_axes}
    return [named[axis.name] for axis in mag.array.additional_axes if axis.name in named]
