"""Adds the coarser mags that layers lack, as the public library's `downsample` does.

Each mag is made of the one before it, out of sight, and gets its name once it is whole. Telling of
it in the properties comes last and is the caller's: a command writes a file, a site more than that.
"""

import itertools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from conversion.pipeline.filters import Filter
from conversion.pipeline.geometry import floor_divide, multiply
from conversion.pipeline.mag_array import MagArray
from conversion.pipeline.mags import Sampling, mag_ladder
from conversion.tools import growing
from conversion.tools.mag_copy import MagCopy
from conversion.tools.new_mags import (
    inputs_of,
    layer_directory,
    mag_properties,
    new_array,
    update_ome,
    with_mags,
)
from conversion.tools.opened import OpenedDataset, box_in
from conversion.tools.problem import ToolProblem
from conversion.tools.progress import Meter, Report, say_nothing
from datasets.properties import Layer, Mag, MagProperties

Publish = Callable[[str, MagProperties], None]
"""Adds a mag to the layer of this name in the properties; the mag is whole and in its place. Raises
ToolProblem where the layer is another one by now: the mag is removed then.
"""


@dataclass(frozen=True)
class MissingMags:
    """The mags that a layer is to get, from the finest to the coarsest; each is made of the one
    before, the first of `start`.
    """

    layer: Layer
    start: Mag
    mags: tuple[Mag, ...]


def missing_mags(
    dataset: OpenedDataset,
    *,
    layer_name: str | None = None,
    coarsest: Mag | None = None,
    sampling: Sampling = Sampling.ANISOTROPIC,
) -> list[MissingMags]:
    """What the layer, or each of them, lacks beyond its coarsest mag: up to `coarsest`, or to
    slices about 100 pixels wide. Layers that lack nothing are left out.

    Where one layer has a mag or gets one, the others get the same: viewers show all layers in the
    same mags. Raises ToolProblem for a coarsest mag that is not reached.
    """
    found = []
    known = {mag.mag for layer in dataset.data_source.layers for mag in layer.mags}
    for layer in dataset.layers(layer_name):
        start = dataset.mags(layer)[-1].mag
        try:
            _, *mags = mag_ladder(
                layer.bounding_box.size,
                dataset.data_source.voxel_size.factor,
                sampling=sampling,
                coarsest=coarsest,
                start=start,
                others=known,
            )
        except ValueError as error:
            raise ToolProblem(
                f"Layer '{layer.name}' can't be downsampled. {error}",
                "Name another coarsest mag or sampling mode.",
            ) from error
        _require_steps(layer, [start, *mags])
        known |= set(mags)
        if mags:
            found.append(MissingMags(layer, start, tuple(mags)))
    return found


def add_mags(
    dataset: OpenedDataset,
    missing: Collection[MissingMags],
    *,
    publish: Publish,
    filter_: Filter | None = None,
    threads: int = 2,
    report: Report = say_nothing,
) -> None:
    """Make the missing mags and publish each as soon as it is there; killed in between, the next
    call goes on where this one stopped.

    `filter_` is by default the mode for segmentations and the median for images. Raises ToolProblem
    for what can't be read or written, OSError where the disk fails.
    """
    meter = Meter(report, sum(_target_bytes(dataset, each) for each in missing))
    for each in missing:
        directory = layer_directory(dataset, each.layer)
        current = dataset
        finer = each.start
        for mag in each.mags:
            added = _add(current, each.layer.name, finer, mag, directory, filter_, threads, meter)
            data_source = with_mags(current.data_source, each.layer.name, [added])
            current = OpenedDataset(
                dataset.directory, data_source, dataset.locate, dataset.may_read
            )
            try:
                publish(each.layer.name, added)
            except ToolProblem:
                growing.discard(directory / mag.literal)
                raise
            growing.settle(directory / mag.literal)
            finer = mag


def _add(
    dataset: OpenedDataset,
    layer_name: str,
    finer: Mag,
    mag: Mag,
    directory: Path,
    filter_: Filter | None,
    threads: int,
    meter: Meter,
) -> MagProperties:
    """Make one mag of the finer one and put it in its place; what the properties are to say."""
    (layer,) = dataset.layers(layer_name)
    source = dataset.mag(layer, finer)
    target_box = box_in(layer, mag)
    if filter_ is None:
        filter_ = Filter.MODE if layer.is_segmentation else Filter.MEDIAN
    target = directory / mag.literal

    def array_at(place: Path) -> MagArray:
        return new_array(place, like=source, shape=target_box.end, data_format=layer.data_format)

    def fill(place: Path) -> None:
        MagCopy(
            source=source,
            target=array_at(place),
            target_box=target_box,
            factors=floor_divide(mag, finer),
            filter_=filter_,
        ).run(meter, f"Layer '{layer.name}', mag {mag.literal}", threads=threads)

    growing.grow(target, inputs_of(source, mag=mag.literal, filter=filter_.value), fill)
    axes = [axis.name for axis in source.array.additional_axes]
    update_ome(directory, [mag], dataset.data_source.voxel_size, axes)
    return mag_properties(dataset, target, mag, array_at(target))


def _require_steps(layer: Layer, mags: list[Mag]) -> None:
    """Raise ToolProblem where a mag, taken from another layer, is no multiple of the one before."""
    for finer, mag in itertools.pairwise(mags):
        if multiply(floor_divide(mag, finer), finer) != mag:
            raise ToolProblem(
                f"Layer '{layer.name}' can't get mag {mag.literal}, which another layer has: it is "
                f"no multiple of mag {finer.literal}.",
                "Downsample that layer alone, with its own coarsest mag.",
            )


def _target_bytes(dataset: OpenedDataset, missing: MissingMags) -> int:
    voxel_bytes = dataset.mag(missing.layer, missing.start).voxel_bytes
    return sum(box_in(missing.layer, mag).volume * voxel_bytes for mag in missing.mags)
