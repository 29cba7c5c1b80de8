"""Uploads of whole datasets to paths: the site names a path for every mag and attachment, a script
that shares a disk with the site fills them, and says when it is done.
"""

from collections.abc import Sequence

from django.db import transaction

from datasets.access import Action, not_found, require
from datasets.disk.places import Places, find_places, record_places
from datasets.models import Dataset
from datasets.properties import DataSource
from datasets.storage import local
from sharing.access import Actor
from sharing.errors import Conflict, Invalid, NotAllowed

from .composing import Link, check_links
from .creation import create_dataset
from .data_source import change, load, problems, store
from .data_source_parts import with_layer
from .paths_places import paths_of, place_for, problem_at, with_paths
from .references import require_one_store, write_down
from .storage_accounting import measure, require_storage_left

Status = Dataset.Status


def reserve_dataset(
    *,
    actor: Actor,
    name: str,
    data_source: DataSource,
    prefix: str | None = None,
    folder_id: str | None = None,
    team_ids: Sequence[str] = (),
    require_unique_name: bool = False,
    links: Sequence[Link] = (),
) -> tuple[Dataset, DataSource]:
    """A new virtual dataset that waits for its data, and its data source with the paths to fill.

    The layers in `links` are the dataset's, too, but need no filling and so are not in the answer.
    Raises Invalid with every problem, and as create_dataset and check_links do.
    """
    sources = check_links(actor, links)
    linked = [sources[source_id].layer(layer, new) for source_id, layer, new in links]
    with transaction.atomic():
        dataset = create_dataset(
            actor=actor,
            organization_id=actor.organization_id or "",
            name=name,
            folder_id=folder_id,
            team_ids=team_ids,
            require_unique_name=require_unique_name,
            creation_type=Dataset.CreationType.UPLOAD_TO_PATHS,
            is_virtual=True,
            status=Status.NOT_UPLOADED_TO_PATHS.value,
        )
        _require_uploads_to(dataset)
        require_one_store([dataset, *(source.dataset for source in sources.values())])
        reserved = with_paths(place_for(dataset, prefix), data_source)
        complete = reserved
        for layer in linked:
            complete = with_layer(complete, layer)
        _store(dataset, complete)
        write_down(dataset, sources.values())
    return dataset, reserved


def reserve_preliminary(
    *, actor: Actor, dataset: Dataset, data_source: DataSource, prefix: str | None = None
) -> DataSource:
    """The paths to fill for a dataset that is there, but waits for its data.

    It becomes virtual. Asked again, the newer data source counts. Raises Conflict for a dataset
    that has its data.
    """
    require(actor, Action.EDIT, dataset)
    with transaction.atomic():
        locked = _locked(actor, dataset)
        if locked.status not in {Status.NOT_UPLOADED, Status.NOT_UPLOADED_TO_PATHS}:
            raise Conflict(
                f"'{dataset}' does not wait for its data ({locked.status or 'it is in use'}), so "
                "no paths can be reserved for it. Reserve a new dataset."
            )
        _require_uploads_to(locked)
        reserved = with_paths(place_for(locked, prefix), data_source)
        change(locked, is_virtual=True, status=Status.NOT_UPLOADED_TO_PATHS.value)
        _store(locked, reserved)
    return reserved


def finish_dataset(*, actor: Actor, dataset: Dataset) -> None:
    """Take the dataset into use, its paths having been filled; once more does no harm.

    Raises Invalid with every mag and attachment that is not there, can't be read, or lies where it
    may not; then nothing is changed, and it can be finished later.
    """
    require(actor, Action.EDIT, dataset)
    if dataset.status != Status.NOT_UPLOADED_TO_PATHS:
        if dataset.is_active and dataset.is_virtual:
            return
        raise Conflict(f"'{dataset}' has no uploads to paths to be finished.")
    version = dataset.version
    places = _require_filled(dataset)
    with transaction.atomic():
        locked = _locked(actor, dataset)
        if locked.is_active:  # somebody else finished it meanwhile
            return
        if locked.status != Status.NOT_UPLOADED_TO_PATHS or locked.version != version:
            raise Conflict(f"'{dataset}' was changed meanwhile. Finish it again.")
        record_places(locked, places)
        change(locked, status="", version=version + 1)
    dataset.refresh_from_db()
    measure(dataset)


def _require_filled(dataset: Dataset) -> Places:
    data_source = load(dataset)
    given = set(dataset.references.values_list("path", flat=True))
    found = [
        f"Layer '{layer.name}': {problem}"
        for layer in data_source.layers
        for path in paths_of(layer)
        if path not in given and (problem := problem_at(dataset, path))
    ]
    if found:
        raise Invalid(*found)
    places = find_places(local.dataset_directory(dataset), data_source)
    if unreadable := [place.problem for place in places.values() if place.problem]:
        raise Invalid(*unreadable)
    return places


def _require_uploads_to(dataset: Dataset) -> None:
    store = dataset.data_store
    only = store.only_allowed_organization_id
    if not store.allows_upload_to_paths or (only and only != dataset.organization_id):
        raise NotAllowed(f"The data store '{store}' takes no uploads to paths.")
    require_storage_left(dataset.organization)


def _store(dataset: Dataset, data_source: DataSource) -> None:
    if found := problems(data_source):
        raise Invalid(*found)
    store(dataset, data_source)


def _locked(actor: Actor, dataset: Dataset) -> Dataset:
    locked = Dataset.objects.select_for_update(no_key=True).filter(pk=dataset.pk).first()
    if locked is None:
        raise not_found(actor)
    require(actor, Action.EDIT, locked)
    return locked
