"""Takes in an uploaded mag or attachment: into the directory of a dataset that is in use."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from conversion.models import Upload
from conversion.runner import Run
from conversion.uploads.names import BadUpload
from conversion.uploads.preparing import the_one_file
from conversion.uploads.staging import move
from datasets.disk.places import find_places
from datasets.models import Dataset
from datasets.properties import Attachment, AttachmentDataFormat, DataSource, MagProperties
from datasets.properties.compare import content_hash
from datasets.services.composing import change_data_source
from datasets.services.data_source import load
from datasets.services.data_source_parts import layer_named, with_attachment, with_mag
from datasets.services.disk_changes import apply_pending
from datasets.services.paths_places import attachment_path, mag_path
from datasets.services.settings_file import ChangedOnDisk
from datasets.storage import local
from sharing.access import Actor

from . import jobs
from .uploads import organization_directory, require_inside

FOLDER_FORMATS = {AttachmentDataFormat.ZARR3, AttachmentDataFormat.NEUROGLANCER_PRECOMPUTED}


def extend(run: Run, upload: Upload, dataset: Dataset, actor: Actor, root: Path) -> None:
    """Move the files in `root` to their place and add them to the layer.

    Raises BadUpload and ServiceErrors for files that can't be taken, also where their place has
    come to lie elsewhere.
    """
    directory = local.dataset_directory(dataset)
    part: _Part = (_MagPart if upload.kind == Upload.Kind.MAG else _AttachmentPart)(upload, dataset)
    place = _place(upload, part.place)
    if not os.path.lexists(place):
        require_inside(dataset, place)
        source = part.source(root)
        jobs.renew(run.job)
        move(source, place)
    path = str(place.relative_to(directory))
    part.check(path)
    _save(actor, dataset, lambda stored: part.added(stored, path))


class _Part(Protocol):
    """A mag or attachment: where it should lie, and how its layer gets it."""

    place: Path

    def source(self, root: Path) -> Path:
        """What of the uploaded files goes there."""
        ...

    def check(self, path: str) -> None:
        """Raises BadUpload where it can't be read at its path."""
        ...

    def added(self, stored: DataSource, path: str) -> DataSource:
        """The data source with it; as it is where a killed attempt has added it."""
        ...


class _MagPart:
    def __init__(self, upload: Upload, dataset: Dataset) -> None:
        self._dataset = dataset
        self._directory = local.dataset_directory(dataset)
        self._layer = upload.parameters["layer"]
        self._mag = MagProperties.model_validate(upload.parameters["mag"])
        self.place = mag_path(self._directory, self._layer, self._mag.mag)

    def source(self, root: Path) -> Path:
        return root

    def check(self, path: str) -> None:
        stored = load(self._dataset)
        layer = layer_named(stored, self._layer).model_copy(update={"mags": (self._at(path),)})
        alone = stored.model_copy(update={"layers": (layer,)})
        (found,) = find_places(self._directory, alone).values()
        if found.problem:
            raise BadUpload(found.problem)

    def added(self, stored: DataSource, path: str) -> DataSource:
        if self._at(path) in layer_named(stored, self._layer).mags:
            return stored
        return with_mag(stored, self._layer, self._at(path))

    def _at(self, path: str) -> MagProperties:
        return self._mag.model_copy(update={"path": path})


class _AttachmentPart:
    def __init__(self, upload: Upload, dataset: Dataset) -> None:
        self._layer, self._kind = upload.parameters["layer"], upload.parameters["kind"]
        self._attachment = Attachment.model_validate(upload.parameters["attachment"])
        directory = local.dataset_directory(dataset)
        self.place = attachment_path(directory, self._layer, self._kind, self._attachment)

    def source(self, root: Path) -> Path:
        is_folder = self._attachment.data_format in FOLDER_FORMATS
        return root if is_folder else the_one_file(root)

    def check(self, path: str) -> None:
        """Attachments are read by other programs, which will say."""

    def added(self, stored: DataSource, path: str) -> DataSource:
        attachment = self._attachment.model_copy(update={"path": path})
        there = layer_named(stored, self._layer).attachments.by_kind().get(self._kind, ())
        if attachment in there:
            return stored
        return with_attachment(stored, self._layer, self._kind, attachment)


def _place(upload: Upload, preferred: Path) -> Path:
    """Where the data goes: what lies there already is not written over. Once chosen it stays."""
    organization = organization_directory(upload)
    if not upload.place:
        taken = os.path.lexists(preferred)
        chosen = preferred.with_name(f"{upload.pk}-{preferred.name}") if taken else preferred
        upload.place = str(chosen.relative_to(organization))
        upload.save(update_fields=["place"])
    return organization / upload.place


def _save(actor: Actor, dataset: Dataset, edit: Callable[[DataSource], DataSource]) -> None:
    try:
        change_data_source(actor, dataset, edit)
    except ChangedOnDisk:
        # An attempt that was killed may have written the file, but not committed: what waits to be
        # applied is then just this edit.
        dataset.refresh_from_db()
        expected = content_hash(edit(load(dataset)))
        if dataset.pending_hash != expected:
            raise
        apply_pending(actor=actor, dataset=dataset, pending_hash=expected)
