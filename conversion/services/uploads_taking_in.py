"""Takes in an upload of which every byte is there: makes its files a dataset's, and says so in the
tables.

Each step finds out whether an attempt that was killed has done it. Files move by renames; what
people see changes in one short transaction, which asks once more whether the upload is wanted.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from conversion.models import Job, Upload
from conversion.runner import Run
from conversion.uploads.names import BadUpload
from conversion.uploads.preparing import prepare_dataset
from conversion.uploads.staging import ORIGINALS, move
from conversion.uploads.tidying import tidy
from conversion.uploads.unpacking import Limits
from datasets import properties
from datasets.disk import reconcile
from datasets.disk.attachments import with_discovered
from datasets.disk.examine import Examined
from datasets.disk.places import record_places
from datasets.models import Dataset
from datasets.services.composing import check_links
from datasets.services.data_source import change, load, problems, store
from datasets.services.data_source_parts import with_layer
from datasets.services.references import look_at_places, write_down
from datasets.services.storage_accounting import measure, used_and_quota
from sharing.access import Actor
from sharing.errors import Conflict
from sharing.sizes import readable_size

from . import jobs, uploads_extending
from .publishing import examined, remember_file
from .uploads import (
    State,
    chunks_of,
    empty_files,
    locked_with_dataset,
    organization_directory,
    staging_of,
)

Kind = Upload.Kind
_GONE = "The dataset of this upload was deleted meanwhile."


def take_in(run: Run, upload: Upload, actor: Actor) -> None:
    """Raises BadUpload and ServiceErrors for files that can't be taken."""
    if upload.dataset is None:
        raise BadUpload(_GONE)
    if "voxelSize" in upload.parameters:
        _keep_originals(run, upload)
    elif upload.kind == Kind.DATASET:
        _take_in_dataset(run, upload, upload.dataset, actor)
    else:
        uploads_extending.extend(run, upload, upload.dataset, actor, assembled(run, upload))
        measure(upload.dataset)
        set_done(upload)
    staging_of(upload).remove()


def result_of(upload: Upload) -> dict[str, Any]:
    """What the job of an upload that is done says of itself."""
    size = readable_size(upload.announced_bytes)
    plural = "" if upload.announced_files == 1 else "s"
    return {"summary": f"Took in {upload.announced_files} file{plural} with {size}."}


def assembled(run: Run, upload: Upload) -> Path:
    """The directory of the files as they were sent."""
    run.progress("putting chunks together")
    return staging_of(upload).assembled(chunks_of(upload), empty_files(upload))


def set_done(upload: Upload) -> None:
    """The end of what could be done, unless somebody ended the upload before."""
    if not Upload.objects.filter(pk=upload.pk, state=State.FINISHING).update(
        state=State.DONE, message="", ended=timezone.now()
    ):
        raise Conflict("The upload has ended meanwhile.")


def _take_in_dataset(run: Run, upload: Upload, dataset: Dataset, actor: Actor) -> None:
    directory = organization_directory(upload) / upload.place
    if not dataset.is_active:
        if not os.path.lexists(directory):
            root = _unpacked(run, upload)
            run.progress("looking at the data")
            prepare_dataset(root)
            _describe(root, dataset.name)
            check_links(actor, _links(upload))
            jobs.renew(run.job)
            move(root, directory)
        _publish(upload, dataset, actor, examined(directory, dataset.name))
        dataset.refresh_from_db()
    _bring_in_step(upload, dataset, directory)
    run.progress("measuring")
    measure(dataset)
    set_done(upload)


def _keep_originals(run: Run, upload: Upload) -> None:
    """Keep what is to be converted where the converter finds it, and order the conversion."""
    assert upload.dataset is not None  # noqa: S101 (see take_in)
    place = f"{ORIGINALS}/{upload.dataset.directory_name}"
    originals = organization_directory(upload) / place
    if not os.path.lexists(originals):
        root = _unpacked(run, upload)
        tidy(root)
        jobs.renew(run.job)
        move(root, originals)
    with transaction.atomic():
        locked = _locked(upload)
        change(locked, status=Dataset.Status.NOT_CONVERTED.value)
        jobs.create(
            kind=Job.Kind.CONVERT,
            organization=upload.organization,
            owner=upload.owner,
            dataset=locked,
            arguments={"originals": place, "voxelSize": upload.parameters["voxelSize"]},
        )
        set_done(upload)


def _unpacked(run: Run, upload: Upload) -> Path:
    assembled(run, upload)

    def progress(fraction: float) -> None:
        run.progress("unpacking", 100 * fraction)

    return staging_of(upload).unpacked(_limits(upload), progress)


def _limits(upload: Upload) -> Limits:
    """An archive may unpack to what one upload may have, the quota leaves, and the disk holds."""
    storage = used_and_quota(upload.organization)
    most = [settings.UPLOAD_MAX_BYTES, shutil.disk_usage(organization_directory(upload)).free]
    if storage.included_bytes is not None:
        most.append(max(storage.included_bytes - storage.used_bytes, 0))
    return Limits(max_entries=settings.UPLOAD_MAX_FILES, max_bytes=min(most))


def _describe(root: Path, name: str) -> None:
    """Write down what was inferred, where no properties came with the files."""
    found = examined(root, name)
    if found.inference is not None and found.data_source is not None:
        properties.write(root / properties.FILE_NAME, found.data_source)


def _publish(upload: Upload, dataset: Dataset, actor: Actor, found: Examined) -> None:
    """Make it a dataset that people can use, with the layers that it links to."""
    assert found.data_source is not None  # noqa: S101 (see publishing.examined)
    links = _links(upload)
    sources = check_links(actor, links)
    data_source = with_discovered(found.entry.path, found.data_source)
    for source_id, layer_name, new_name in links:
        data_source = with_layer(data_source, sources[source_id].layer(layer_name, new_name))
    if wrong := problems(data_source):
        raise BadUpload(" ".join(wrong))
    with transaction.atomic():
        locked = _locked(upload)
        write_down(locked, sources.values())
        store(locked, data_source)
        record_places(locked, found.places)
        change(locked, status="", disk_signature="", **reconcile.NOTHING_WAITS)
    if links:
        look_at_places(locked)


def _bring_in_step(upload: Upload, dataset: Dataset, directory: Path) -> None:
    """Let the properties file say what the tables say, and the tables know the file."""
    path = directory / properties.FILE_NAME
    if _links(upload):
        properties.write(path, load(dataset))
    with transaction.atomic():
        locked = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        remember_file(locked, directory)


def _links(upload: Upload) -> list[tuple[str, str, str]]:
    return [(source_id, layer, new) for source_id, layer, new in upload.parameters["links"]]


def _locked(upload: Upload) -> Dataset:
    """The upload's dataset, locked with the upload. Raises Conflict where either is gone."""
    locked = locked_with_dataset(upload)
    if locked.state != State.FINISHING:
        raise Conflict("The upload has ended meanwhile.")
    if locked.dataset is None:
        raise BadUpload(_GONE)
    return locked.dataset
