"""Where uploads to paths put data, and whether what was put there may be taken in.

A script that shares a disk with the site writes there itself, or makes links. So nothing that it
announces is believed: what counts is where things really lie when it is done.
"""

import os
from pathlib import Path

from django.conf import settings

from datasets.models import Dataset
from datasets.properties import (
    Attachment,
    AttachmentDataFormat,
    DataSource,
    Layer,
    Mag,
    MagProperties,
)
from datasets.storage import local
from datasets.storage.given import upload_places
from datasets.storage.walk import walk
from sharing.errors import Invalid

_FOLDERS = {AttachmentDataFormat.ZARR3, AttachmentDataFormat.NEUROGLANCER_PRECOMPUTED}


def place_for(dataset: Dataset, prefix: str | None) -> Path:
    """The directory for the dataset's data: below the first place that lies in `prefix`.

    Raises Invalid for a prefix in which no place lies.
    """
    directory = local.dataset_directory(dataset)
    for place in upload_places(directory):
        # The organization's directory and the dataset's are below what the operator named.
        if not prefix or place.parent.parent.is_relative_to(os.path.realpath(prefix)):
            return place
    known = [os.fspath(path) for path in (*settings.UPLOAD_PATHS, settings.BINARY_DATA_DIR)]
    raise Invalid(
        f"No data may be written below the path prefix {prefix!r}. Leave it out, or use one of "
        f"{', '.join(known)}."
    )


def mag_path(place: Path, layer_name: str, mag: Mag) -> Path:
    """Where a mag is to be written. Raises Invalid for a name that is no file name."""
    return place / _file_name(layer_name, "layer") / mag.literal


def attachment_path(place: Path, layer_name: str, kind: str, attachment: Attachment) -> Path:
    """Where an attachment is to be written. Raises Invalid for a name that is no file name."""
    name = _file_name(attachment.name, "attachment")
    if attachment.data_format not in _FOLDERS:
        name = f"{name}.{attachment.data_format.value}"
    return place / _file_name(layer_name, "layer") / kind / name


def with_paths(place: Path, data_source: DataSource) -> DataSource:
    """The data source with all its mags and attachments at their places; paths and credentials that
    it came with are for another machine's data and mean nothing here. Raises Invalid.
    """
    layers = tuple(_layer_with_paths(place, layer) for layer in data_source.layers)
    paths = [path for layer in layers for path in paths_of(layer)]
    if len(set(paths)) < len(paths):
        raise Invalid("Two attachments would be written to the same file. Rename one of them.")
    return data_source.model_copy(update={"layers": layers, "id": {}})


def paths_of(layer: Layer) -> list[str]:
    """The paths of the layer's mags and attachments."""
    attachments = [found.path for kind in layer.attachments.by_kind().values() for found in kind]
    return [*(mag.path for mag in layer.mags if mag.path), *attachments]


def problem_at(dataset: Dataset, path: str) -> str:
    """Why what lies at a path that was reserved for the dataset can't be taken in; "" where it can.

    Neither it nor a link inside may lead out of the dataset's own places but to ALLOWED_DATA_PATHS.
    """
    if not os.path.lexists(path):
        return f"There is nothing at {path}. Write the data there, then finish again."
    real = os.path.realpath(path)
    if not os.path.exists(real):  # noqa: PTH110 (never raises)
        return f"{path} is a link that leads nowhere. Correct it, then finish again."
    directory = local.dataset_directory(dataset)
    places = [*upload_places(directory), *settings.ALLOWED_DATA_PATHS]
    if local.is_private(Path(real)) or not any(Path(real).is_relative_to(p) for p in places):
        return f"{path} leads to {real}. {_ADVICE}"
    strays = walk(Path(real), may_lead).strays
    if strays:
        shown = ", ".join(os.fspath(stray) for stray in strays)
        return f"Links in {path} lead to {shown}. {_ADVICE}"
    return ""


def may_lead(real_path: Path) -> bool:
    """Whether a link in a mag or attachment may lead there."""
    return not local.is_private(real_path) and any(
        real_path.is_relative_to(place) for place in settings.ALLOWED_DATA_PATHS
    )


_ADVICE = (
    "Data outside of the dataset's own directory may be linked only below ALLOWED_DATA_PATHS: have "
    "the operator add the place there, or copy the data."
)


def _layer_with_paths(place: Path, layer: Layer) -> Layer:
    def mag_at_its_place(mag: MagProperties) -> MagProperties:
        path = os.fspath(mag_path(place, layer.name, mag.mag))
        return mag.model_copy(update={"path": path, "credential_id": None})

    def file_at_its_place(kind: str, attachment: Attachment) -> Attachment:
        path = os.fspath(attachment_path(place, layer.name, kind, attachment))
        return attachment.model_copy(update={"path": path, "credential_id": None})

    return layer.model_copy(
        update={
            "mags": tuple(mag_at_its_place(mag) for mag in layer.mags),
            "attachments": layer.attachments.replaced(file_at_its_place),
        }
    )


def _file_name(name: str, what: str) -> str:
    if not name or name.startswith(".") or "/" in name or "\0" in name or len(name.encode()) > 200:
        raise Invalid(
            f"The {what}'s name {name[:64]!r} can't be a file's name: it has 1 to 200 bytes, no "
            "'/', and does not start with a dot."
        )
    return name
