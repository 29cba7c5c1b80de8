"""Applies an edit to a dataset's stored data source and removes the data that it leaves unused."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets.disk.places import Place, record_places
from datasets.models import Dataset, DatasetViewConfiguration, Mag
from datasets.properties import (
    AttachmentRenaming,
    Attachments,
    DataSource,
    Layer,
    RefusedEdit,
    merge,
)
from datasets.properties.merge import renamed_source
from datasets.storage import local, trash
from sharing.errors import Invalid

from .data_source import change, load, problems, store
from .data_users import unused_places
from .settings_file import publish, require_unchanged

JsonObject = dict[str, Any]


def edit_data_source(
    dataset: Dataset,
    removal: trash.Removal,
    *,
    edit: DataSource | None,
    layer_renamings: Mapping[str, str],
    attachment_renamings: Sequence[AttachmentRenaming],
) -> None:
    """Rename, then merge the edit into what is stored; the caller holds the dataset's lock.

    Data that nothing speaks of any more goes into `removal`. Raises Invalid with every problem, and
    as settings_file.require_unchanged and publish do.
    """
    require_unchanged(dataset)
    directory = local.dataset_directory(dataset)
    stored = _with_paths_as_they_lie(directory, load(dataset), layer_renamings)
    try:
        before = renamed_source(stored, layer_renamings, attachment_renamings)
        after = merge(stored, edit, layer_renamings, attachment_renamings)
    except RefusedEdit as refusal:
        raise Invalid(str(refusal)) from refusal
    if found := problems(after):
        raise Invalid(*found)
    places = _known_places(dataset, layer_renamings)
    _rename_in_views(dataset, layer_renamings)
    store(dataset, after)
    record_places(dataset, places)
    remove_unused(dataset, _removed_paths(before, after), removal)
    publish(dataset, after)


def _with_paths_as_they_lie(
    directory: Path, stored: DataSource, renamings: Mapping[str, str]
) -> DataSource:
    """With the paths of layers to be renamed spelled out: of the two names that a mag's directory
    may have by default, the one that is there.
    """

    def spelled_out(layer: Layer) -> Layer:
        mags = []
        for mag in layer.mags:
            names = [mag.path] if mag.path else layer.default_mag_paths(mag.mag)
            there = (name for name in names if (directory / name).is_dir())
            mags.append(mag.model_copy(update={"path": next(there, names[0])}))
        return layer.model_copy(update={"mags": tuple(mags)})

    layers = (spelled_out(layer) if layer.name in renamings else layer for layer in stored.layers)
    return stored.model_copy(update={"layers": tuple(layers)})


def _known_places(dataset: Dataset, renamings: Mapping[str, str]) -> dict[tuple[str, str], Place]:
    """Where the mags lie, by the names they will have: an edit moves none of them."""
    rows = Mag.objects.filter(layer__dataset=dataset).select_related("layer")
    return {
        (renamings.get(row.layer.name, row.layer.name), row.literal): Place(
            row.real_path, row.has_local_data, row.problem
        )
        for row in rows
    }


def _rename_in_views(dataset: Dataset, renamings: Mapping[str, str]) -> None:
    """How layers were shown goes on under their new names."""
    if not renamings:
        return
    if dataset.admin_view_configuration:
        change(
            dataset,
            admin_view_configuration=_renamed_view(dataset.admin_view_configuration, renamings),
        )
    for own in DatasetViewConfiguration.objects.filter(dataset=dataset):
        own.configuration = _renamed_view(own.configuration, renamings)
        own.save(update_fields=["configuration"])


def _renamed_view(view: JsonObject, renamings: Mapping[str, str]) -> JsonObject:
    renamed = dict(view)
    layers, order = view.get("layers"), view.get("colorLayerOrder")
    if isinstance(layers, dict):
        renamed["layers"] = {renamings.get(name, name): shown for name, shown in layers.items()}
    if isinstance(order, list):
        renamed["colorLayerOrder"] = [renamings.get(name, name) for name in order]
    return renamed


def _removed_paths(before: DataSource, after: DataSource) -> Iterator[str]:
    for layer in before.layers:
        kept = after.layer(layer.name)
        kept_mags = {mag.mag for mag in kept.mags} if kept else set()
        for mag in layer.mags:
            if mag.mag not in kept_mags:
                yield from [mag.path] if mag.path else layer.default_mag_paths(mag.mag)
        yield from _attached(layer.attachments) - _attached(kept.attachments if kept else None)


def _attached(attachments: Attachments | None) -> set[str]:
    if attachments is None:
        return set()
    return {file.path for found in attachments.by_kind().values() for file in found}


def remove_unused(dataset: Dataset, paths: Iterable[str], removal: trash.Removal) -> None:
    """Move aside what lies at these paths, where it is the dataset's own and nobody needs it."""
    directories = local.dataset_directories(dataset)
    for place in unused_places(dataset, paths):
        try:
            removal.take(place)
        except trash.ReadOnly:
            continue  # data that the site may only read is not the site's to remove
        if place.parent not in directories:
            with contextlib.suppress(OSError):
                place.parent.rmdir()  # the folder of a layer of which nothing is left
