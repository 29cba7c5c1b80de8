"""A dataset's data source as the API shows it: without secrets, and with a path on each mag."""

import os
from pathlib import Path
from typing import Any

from datasets.models import Dataset
from datasets.properties import Attachment, Layer, MagProperties
from datasets.services.data_source import load_with_id
from datasets.services.data_users import absolute
from datasets.storage import local
from sharing.access import Actor

_SECRETS = {"credentialId", "credentials"}


def shown_data_source(dataset: Dataset, *, actor: Actor) -> dict[str, Any]:
    """The properties of a usable dataset, else `id` and `status`.

    People outside the organization learn no path of the server: they get those of the streaming
    addresses. So do those of the organization where the data is another organization's.
    """
    if not dataset.is_active or dataset.voxel_size is None:
        return _unusable(dataset)
    properties = load_with_id(dataset)
    directory = local.dataset_directory(dataset)
    if actor.belongs_to(dataset.organization_id):
        hidden = _hidden_paths(dataset, actor)
        layers = [_with_explicit_paths(directory, layer, hidden) for layer in properties.layers]
    else:
        layers = [_with_public_paths(layer) for layer in properties.layers]
    shown = properties.model_copy(update={"layers": tuple(layers)})
    document: dict[str, Any] = _without_secrets(shown.to_json())
    return document


def _unusable(dataset: Dataset) -> dict[str, Any]:
    identity = {"name": dataset.directory_name, "team": dataset.organization_id}
    unusable: dict[str, Any] = {"id": identity, "status": dataset.status or "It has no layers."}
    if dataset.voxel_size is not None:
        unusable["scale"] = {"factor": list(dataset.voxel_size), "unit": dataset.voxel_size_unit}
    return unusable


def _hidden_paths(dataset: Dataset, actor: Actor) -> set[str]:
    """Where the dataset refers to data of an organization that the actor doesn't belong to."""
    own = os.path.realpath(local.organization_directory(dataset.organization_id))
    return {
        reference.path
        for reference in dataset.references.all()
        if not (
            actor.belongs_to(reference.source.organization_id)
            if reference.source is not None
            else Path(reference.path).is_relative_to(own)  # its source is gone from the tables
        )
    }


def _with_explicit_paths(directory: Path, layer: Layer, hidden: set[str]) -> Layer:
    """The public library refuses a remote mag without a path. Those who share the disk read mags
    (DIRECT_PATH) and attachments themselves, for which the library wants absolute paths.
    """

    def explicit(mag: MagProperties) -> MagProperties:
        if mag.path in hidden:
            return _public_mag(layer, mag)
        path = mag.path or _default_path(directory, layer, mag)
        return mag.model_copy(update={"path": _absolute(directory, path)})

    def explicit_file(kind: str, file: Attachment) -> Attachment:
        if file.path in hidden:
            return _public_file(layer, kind, file)
        return file.model_copy(update={"path": _absolute(directory, file.path)})

    return layer.model_copy(
        update={
            "mags": tuple(explicit(mag) for mag in layer.mags),
            "attachments": layer.attachments.replaced(explicit_file),
        }
    )


def _default_path(directory: Path, layer: Layer, mag: MagProperties) -> str:
    """Where a mag without a path lies: of the usual places that which is there."""
    places = layer.default_mag_paths(mag.mag)
    return next((place for place in places if (directory / place).is_dir()), places[0])


def _absolute(directory: Path, path: str) -> str:
    place = absolute(directory, path)
    return path if place is None else os.path.normpath(place)


def _with_public_paths(layer: Layer) -> Layer:
    return layer.model_copy(
        update={
            "mags": tuple(_public_mag(layer, mag) for mag in layer.mags),
            "attachments": layer.attachments.replaced(
                lambda kind, file: _public_file(layer, kind, file)
            ),
        }
    )


def _public_mag(layer: Layer, mag: MagProperties) -> MagProperties:
    return mag.model_copy(update={"path": f"./{layer.name}/{mag.mag.literal}"})


def _public_file(layer: Layer, kind: str, file: Attachment) -> Attachment:
    return file.model_copy(update={"path": f"./{layer.name}/{kind}/{file.name}"})


def _without_secrets(document: Any) -> Any:
    match document:
        case dict():
            return {
                key: _without_secrets(value)
                for key, value in document.items()
                if key not in _SECRETS
            }
        case list():
            return [_without_secrets(value) for value in document]
    return document
