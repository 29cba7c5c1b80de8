"""Uploads of single mags and attachments to paths, into a layer of a virtual dataset.

Until it is finished, a part is only reserved: nobody sees it in the dataset.
"""

import os
from collections.abc import Callable
from pathlib import Path

from django.db import transaction

from datasets.access import Action, require
from datasets.disk.places import find_places
from datasets.models import Dataset, PathReservation
from datasets.properties import Attachment, DataSource, Layer, Mag, MagProperties
from datasets.storage import local
from sharing.access import Actor
from sharing.errors import Conflict, Invalid, NotFound
from sharing.ids import new_id

from .composing import change_data_source
from .data_source import load
from .data_source_parts import layer_named, with_attachment, with_mag
from .paths_places import attachment_path, mag_path, paths_of, place_for, problem_at
from .storage_accounting import measure, require_storage_left


def reserve_mag(
    *,
    actor: Actor,
    dataset: Dataset,
    layer_name: str,
    mag: MagProperties,
    prefix: str | None = None,
    overwrite_pending: bool = False,
) -> str:
    """The path to write a new mag of the layer to.

    Raises Conflict where the layer has the mag, or somebody writes it and is not to be overwritten.
    """
    layer = _layer_to_fill(actor, dataset, layer_name)
    with_mag(load(dataset), layer_name, mag)
    path = _free(mag_path(place_for(dataset, prefix), layer_name, mag.mag))
    if layer.channels > 1:
        # Scripts send the first channel's index, which would hide the others.
        mag = mag.model_copy(update={"channel_index": None})
    document = mag.model_copy(update={"path": path}).to_json()
    _reserve(dataset, layer_name, "", mag.mag.literal, document, overwrite_pending)
    return path


def finish_mag(*, actor: Actor, dataset: Dataset, layer_name: str, mag: Mag) -> None:
    """Add the mag to the layer, its path having been filled; once more does no harm.

    Raises Invalid where it is not there, can't be read, or lies where it may not.
    """
    layer = _layer_to_fill(actor, dataset, layer_name)
    reservation = _reservation(dataset, layer_name, "", mag.literal)
    if reservation is None:
        if any(existing.mag == mag for existing in layer.mags):
            return
        raise NotFound(f"Mag {mag.literal} of layer '{layer_name}' was not reserved.")
    found = MagProperties.model_validate(reservation.document)
    _require_filled(dataset, found.path or "")
    _require_readable(dataset, layer, found)
    _finish(actor, dataset, reservation, lambda stored: with_mag(stored, layer_name, found))


def reserve_attachment(
    *,
    actor: Actor,
    dataset: Dataset,
    layer_name: str,
    kind: str,
    attachment: Attachment,
    prefix: str | None = None,
    overwrite_pending: bool = False,
) -> str:
    """The path to write a new attachment of the layer to. Raises as reserve_mag does."""
    _layer_to_fill(actor, dataset, layer_name)
    with_attachment(load(dataset), layer_name, kind, attachment)
    path = _free(attachment_path(place_for(dataset, prefix), layer_name, kind, attachment))
    document = attachment.model_copy(update={"path": path}).to_json()
    _reserve(dataset, layer_name, kind, attachment.name, document, overwrite_pending)
    return path


def finish_attachment(
    *, actor: Actor, dataset: Dataset, layer_name: str, kind: str, name: str
) -> None:
    """Add the attachment to the layer, as finish_mag does."""
    layer = _layer_to_fill(actor, dataset, layer_name)
    reservation = _reservation(dataset, layer_name, kind, name)
    if reservation is None:
        if any(existing.name == name for existing in layer.attachments.by_kind().get(kind, ())):
            return
        raise NotFound(f"The {kind} '{name}' of layer '{layer_name}' was not reserved.")
    found = Attachment.model_validate(reservation.document)
    _require_filled(dataset, found.path)
    _finish(
        actor, dataset, reservation, lambda stored: with_attachment(stored, layer_name, kind, found)
    )


def _layer_to_fill(actor: Actor, dataset: Dataset, layer_name: str) -> Layer:
    require(actor, Action.EDIT, dataset)
    if not dataset.is_active:
        raise Conflict(f"'{dataset}' can't be changed: {dataset.status}")
    if not dataset.is_virtual:
        raise Conflict(
            f"'{dataset}' is described by its file on disk, which only virtual datasets are not. "
            "Upload the data, or add it to the dataset's directory."
        )
    return layer_named(load(dataset), layer_name)


def _free(path: Path) -> str:
    """The path itself, or beside it where something lies there already: nothing is written over."""
    free = path if not os.path.lexists(path) else path.with_name(f"{new_id()[:8]}-{path.name}")
    return os.fspath(free)


def _reserve(
    dataset: Dataset,
    layer_name: str,
    kind: str,
    name: str,
    document: dict[str, object],
    overwrite_pending: bool,
) -> None:
    require_storage_left(dataset.organization)
    with transaction.atomic():
        locked = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        used = {path for layer in load(locked).layers for path in paths_of(layer)}
        others = locked.reservations.exclude(layer_name=layer_name, attachment_type=kind, name=name)
        used |= {other.document["path"] for other in others}
        if document["path"] in used:
            raise Conflict(f"{document['path']} is taken. Choose another name.")
        if not overwrite_pending and _reservation(dataset, layer_name, kind, name) is not None:
            raise Conflict(
                f"'{name}' of layer '{layer_name}' is being uploaded. Finish that upload, or "
                "overwrite what is pending."
            )
        PathReservation.objects.update_or_create(
            dataset=dataset,
            layer_name=layer_name,
            attachment_type=kind,
            name=name,
            defaults={"document": document},
        )


def _reservation(dataset: Dataset, layer_name: str, kind: str, name: str) -> PathReservation | None:
    return PathReservation.objects.filter(
        dataset=dataset, layer_name=layer_name, attachment_type=kind, name=name
    ).first()


def _require_filled(dataset: Dataset, path: str) -> None:
    if problem := problem_at(dataset, path):
        raise Invalid(problem)


def _require_readable(dataset: Dataset, layer: Layer, mag: MagProperties) -> None:
    alone = load(dataset).model_copy(
        update={"layers": (layer.model_copy(update={"mags": (mag,)}),)}
    )
    (place,) = find_places(local.dataset_directory(dataset), alone).values()
    if place.problem:
        raise Invalid(place.problem)


def _finish(
    actor: Actor,
    dataset: Dataset,
    reservation: PathReservation,
    add: Callable[[DataSource], DataSource],
) -> None:
    def take(stored: DataSource) -> DataSource:
        current = PathReservation.objects.filter(pk=reservation.pk).first()
        if current is None:  # somebody else finished it meanwhile
            return stored
        if current.document != reservation.document:
            raise Conflict(f"'{reservation.name}' was reserved anew meanwhile. Finish it again.")
        current.delete()
        return add(stored)

    change_data_source(actor, dataset, take)
    measure(dataset)
