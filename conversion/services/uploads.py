"""Uploads from the first word to the last chunk: announced, received, given up.

    RESERVED -> FINISHING -> DONE or FAILED; RESERVED, FINISHING -> CANCELLED;
    FINISHING -> RESERVED where the site, not what was sent, is why it could not be taken in.

Announcing them is for uploads_reserving, the way from FINISHING on for uploads_finishing.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from conversion.access import upload_for
from conversion.models import Job, Upload
from conversion.uploads.chunk_store import Chunk, ChunkStore, ChunkWriter
from conversion.uploads.names import BadUpload, checked_path
from conversion.uploads.staging import Staging
from datasets.models import Dataset
from datasets.storage import local
from sharing.errors import Conflict, Invalid, NotFound
from sharing.models import User

from . import jobs

# An attachment that is a file has no path below itself: the public library calls it ".".
FILE_ITSELF = PurePosixPath("file")
_ACTIVITY_INTERVAL = timedelta(minutes=1)
_CANCELLED = "The upload was cancelled. Start a new one."

State = Upload.State
Kind = Upload.Kind


def unfinished_uploads(user: User, organization_id: str) -> QuerySet[Upload]:
    """The person's uploads of datasets that can go on, newest first, with their datasets."""
    return Upload.objects.filter(
        owner=user,
        organization=organization_id,
        kind=Kind.DATASET,
        state=State.RESERVED,
        dataset__isnull=False,
        last_activity__gt=timezone.now() - settings.UPLOAD_LIFETIME,
    ).select_related("dataset")


def organization_directory(upload: Upload) -> Path:
    """The directory of the organization that the upload is for."""
    return local.organization_directory(upload.organization_id)


def staging_of(upload: Upload) -> Staging:
    """Where the upload's files lie."""
    return Staging(organization_directory(upload), upload.pk)


def chunks_of(upload: Upload) -> ChunkStore:
    """Where the upload's chunks are received."""
    return staging_of(upload).chunks(
        max_files=upload.announced_files, max_bytes=upload.announced_bytes
    )


@dataclass(frozen=True)
class Sizes:
    """What comes with a chunk: its number from 1, how many there are of its file, and bytes."""

    number: int
    chunks: int
    chunk_bytes: int
    current_bytes: int
    file_bytes: int


def has_chunk(*, user: User, kind: Kind, identifier: str, number: int) -> bool:
    """Whether the chunk was received. `identifier` is `<upload id>/<path>`."""
    upload_id, path = _parts(identifier)
    upload = _open_upload(user, kind, upload_id)
    return upload.state != State.RESERVED or chunks_of(upload).has(path, number)


def open_chunk(*, user: User, kind: Kind, identifier: str, sizes: Sizes) -> ChunkWriter | None:
    """What takes the chunk's bytes; None where they were received before.

    Raises NotFound, and Invalid for an upload that has ended, or BadUpload.
    """
    upload_id, path = _parts(identifier)
    upload = _open_upload(user, kind, upload_id)
    if upload.state != State.RESERVED:
        return None  # nothing was missing, so this is a repetition
    _note_activity(upload)
    chunk = Chunk(
        path=path,
        number=sizes.number,
        chunk_size=sizes.chunk_bytes,
        current_size=sizes.current_bytes,
        total_size=sizes.file_bytes,
        total_chunks=sizes.chunks,
    )
    return chunks_of(upload).open(chunk)


def require_inside(dataset: Dataset, place: Path) -> None:
    """Raises Conflict where a link, say of the operator's for a layer, leads from the dataset's
    directory to where an uploaded file would become another dataset's.
    """
    directory = local.dataset_directory(dataset)
    if not Path(os.path.realpath(place.parent)).is_relative_to(os.path.realpath(directory)):
        raise Conflict(
            f"'{place.parent.relative_to(directory)}' of '{dataset}' is a link to data elsewhere, "
            "which uploads do not change. Upload to the dataset that holds the data, or to another "
            "layer."
        )


def missing(upload: Upload) -> list[str]:
    """What has not been received, in sentences."""
    return chunks_of(upload).missing()


def empty_files(upload: Upload) -> Iterable[PurePosixPath]:
    """The files without bytes, of which no chunk comes: known only where the client named all.

    Of an upload of which nothing is missing.
    """
    if not upload.file_paths:
        return []
    chunks = chunks_of(upload)
    paths = [PurePosixPath(path) for path in upload.file_paths]
    empty = [path for path in paths if not chunks.has(path, 1)]
    # A client that calls all files otherwise in their chunks has not named them.
    return empty if len(empty) < len(paths) or not upload.announced_bytes else []


def cancel(*, user: User, kind: Kind, upload_id: str) -> Upload:
    """Give the upload up: its files go, and the dataset that it was to become.

    One that is being taken in ends as soon as its worker notices. Raises Conflict for one that is
    done; once more does no harm.
    """
    upload = upload_for(user, kind, upload_id)
    cancel_upload(upload)
    upload.refresh_from_db()
    if upload.state == State.DONE:
        raise Conflict("The upload is done already. Delete the dataset instead.")
    return upload


def cancel_upload(upload: Upload) -> None:
    """The same, whoever asks."""
    if end(upload, State.CANCELLED, _CANCELLED, of=State.RESERVED):
        return
    # Without a job that has to stop first (uploads_finishing), nobody is taking it in.
    job = Job.objects.filter(uploads=upload).first()
    if job is None or jobs.stop(job):
        end(upload, State.CANCELLED, _CANCELLED, of=State.FINISHING)


def end(upload: Upload, state: State, message: str, *, of: State) -> bool:
    """End the upload without result and remove all of it, if its state is `of`; whether it was.

    Of one that is FINISHING the caller knows that nobody is taking it in at the moment.
    """
    with transaction.atomic():
        locked = locked_with_dataset(upload)
        if locked.state != of:
            return False
        # While the dataset's row is there, scans know that its directory is no new dataset.
        if locked.place and not is_in_use(locked):
            staging_of(locked).take_back(organization_directory(locked) / locked.place)
        Upload.objects.filter(pk=upload.pk).update(
            state=state, message=message, ended=timezone.now()
        )
        if locked.kind == Kind.DATASET:
            Dataset.objects.filter(
                pk=locked.dataset_id, status=Dataset.Status.NOT_UPLOADED
            ).delete()
        transaction.on_commit(staging_of(upload).remove, robust=True)
    return True


def locked_with_dataset(upload: Upload) -> Upload:
    """The upload as it is now. Its dataset is locked first, as when somebody deletes that."""
    Dataset.objects.select_for_update(no_key=True).filter(pk=upload.dataset_id).first()
    return Upload.objects.select_for_update().get(pk=upload.pk)


def is_in_use(upload: Upload) -> bool:
    """Whether what lies at the upload's place is a dataset's already."""
    if upload.dataset is None or not upload.place:
        return False
    if upload.kind == Kind.DATASET:
        return upload.dataset.status != Dataset.Status.NOT_UPLOADED
    path = PurePosixPath(upload.place).relative_to(upload.dataset.directory_name)
    layers = upload.dataset.layers
    return (
        layers.filter(mags__path=str(path)).exists()
        or layers.filter(attachments__path=str(path)).exists()
    )


def _open_upload(user: User, kind: Kind, upload_id: str) -> Upload:
    upload = upload_for(user, kind, upload_id)
    if upload.state in {State.FAILED, State.CANCELLED}:
        raise Invalid(upload.message)
    if upload.dataset_id is None:
        raise NotFound("The dataset of this upload was deleted. Start a new upload.")
    return upload


def _parts(identifier: str) -> tuple[str, PurePosixPath]:
    upload_id, separator, path = identifier.partition("/")
    if not separator:
        raise BadUpload("A chunk's resumableIdentifier is '<upload id>/<path of the file>'.")
    return upload_id, FILE_ITSELF if path == "." else checked_path(path)


def _note_activity(upload: Upload) -> None:
    now = timezone.now()
    if upload.last_activity < now - _ACTIVITY_INTERVAL:
        Upload.objects.filter(pk=upload.pk).update(last_activity=now)
