"""Where the mags of a dataset really lie, links followed, and why some of them can't be read."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from datasets.models import Dataset, Mag
from datasets.properties import DataSource, Layer, MagProperties
from datasets.properties.sentences import fitting, printable
from datasets.storage import local
from datasets.voxels.errors import VoxelsError
from datasets.voxels.open import open_mag
from sharing.errors import ServiceError


@dataclass(frozen=True)
class Place:
    """Where a mag lies. `problem` is a sentence; empty where the mag can be read."""

    real_path: str = ""
    has_local_data: bool = True
    problem: str = ""


Places = Mapping[tuple[str, str], Place]
"""By the layer's name and the mag's literal."""


def find_places(directory: Path, data_source: DataSource) -> Places:
    """Look where each mag lies, and at its metadata."""
    real_directory = Path(os.path.realpath(directory))
    return {
        (layer.name, mag.mag.literal): _place(directory, real_directory, layer, mag)
        for layer in data_source.layers
        for mag in layer.mags
    }


def record_places(dataset: Dataset, places: Places) -> bool:
    """Write down the places of the dataset's mags, of those that changed.

    Whether a mag lies elsewhere than it was known to, so that what was read of it may be stale.
    """
    changed, moved = [], False
    for row in Mag.objects.filter(layer__dataset=dataset).select_related("layer"):
        before = Place(row.real_path, row.has_local_data, row.problem)
        place = places.get((row.layer.name, row.literal), before)
        if place == before:
            continue
        moved |= bool(before.real_path or before.problem)
        row.real_path, row.has_local_data = place.real_path, place.has_local_data
        row.problem = place.problem
        changed.append(row)
    Mag.objects.bulk_update(changed, ["real_path", "has_local_data", "problem"], batch_size=500)
    return moved


def _place(directory: Path, real_directory: Path, layer: Layer, mag: MagProperties) -> Place:
    title = f"Layer '{layer.name}', mag {mag.mag.literal}: "
    try:
        real = Path(os.path.realpath(local.resolve_mag_path(directory, layer, mag)))
    except ServiceError as error:
        return Place(has_local_data=False, problem=_cut(title + str(error)))
    is_inside = real.is_relative_to(real_directory)
    problem = _unreadable(directory, real, layer, mag)
    try:
        real_path = os.fspath(real)
        real_path.encode()
    except UnicodeEncodeError:
        shown = printable(os.fspath(real))
        real_path, problem = "", f"Its path '{shown}' has a name that is not UTF-8; rename it."
    return Place(real_path, is_inside, _cut(title + problem) if problem else "")


def _unreadable(directory: Path, path: Path, layer: Layer, mag: MagProperties) -> str:
    try:
        array = open_mag(
            path,
            layer.data_format,
            axis_order=mag.axis_order or None,
            channel_index=mag.channel_index,
            element_class=layer.element_class,
            additional_axes={axis.name: axis.index for axis in layer.additional_axes},
            may_read=partial(local.may_read, directory),
        )
    except VoxelsError as error:
        return str(error)
    except OSError as error:
        return f"Its files can't be read ({error.strerror}); check them and who may read them."
    stored, said = array.dtype, layer.element_class.dtype
    # Labels are stored with or without a sign, which says nothing about them.
    if stored.itemsize != said.itemsize or (stored.kind in "iu") != (said.kind in "iu"):
        return (
            f"Its voxels are stored as {stored.name}, but the properties say "
            f"{layer.element_class}; correct the elementClass."
        )
    return ""


def _cut(problem: str) -> str:
    return fitting(problem, Mag._meta.get_field("problem").max_length or 0)
