"""Jobs that export a box of a layer as TIFF, for their owner to download within some days."""

import contextlib
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone

from conversion.models import Job
from conversion.runner import JobFailed, Run, register
from conversion.tools.exporting import Export, plan_export, write_export
from conversion.tools.opened import OpenedDataset
from datasets.access import Action, require
from datasets.models import Dataset
from datasets.properties import BoundingBox, Mag
from datasets.properties.infer.layers import layer_name as valid_name
from sharing.access import Actor
from sharing.errors import Conflict, Invalid, NotFound, ServiceError
from sharing.sizes import readable_size

from . import job_mails
from .dataset_jobs import WorkOnDataset, asking, explained, opened, request_job, require_workable

MOST_BYTES = 64 * 2**30
"""Of one export; larger parts are better read through the API or copied as they are."""
MOST_BYTES_PER_PERSON = 2 * MOST_BYTES
"""Of all exports of a person that wait, run or are kept."""
RESERVE = 0.05
"""The share of the disk that exports leave free for the rest of the site."""
LARGEST_COORDINATE = 2**40
LIFETIME = timedelta(days=7)
_FOLDER = "exports"


class ExportGone(ServiceError):
    """An export that is not kept any more."""

    status = 410


class _MadeFile(File):  # type: ignore[type-arg]
    """A file on this machine, which a storage of files may move instead of copying it."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        super().__init__(stream, name=path.name)
        self._path = path

    def temporary_file_path(self) -> str:
        """Where it lies; Django's file storage looks for this method."""
        return str(self._path)


def request_export(
    *,
    actor: Actor,
    dataset: Dataset,
    box: BoundingBox | None,
    layer_name: str | None = None,
    mag: Mag | None = None,
    additional: Mapping[str, int] | None = None,
    as_ome: bool = False,
) -> Job:
    """A job that exports what lies in `box`, in voxels of mag 1; for those who may view it.

    Without a name the only layer is meant, without a mag the finest. Raises Invalid for what is not
    there, and for a box that is too large; Conflict for a person who has much exported already.
    """
    require_workable(actor, dataset, Action.VIEW)
    with asking():
        source = opened(dataset)
        layer = _layer_name(source, layer_name)
        mag = mag or source.mags(source.layers(layer)[0])[0].mag
        arguments: dict[str, Any] = {
            "layerName": layer,
            "mag": mag.literal,
            "bbox": [*box.top_left, *box.size] if box else None,
            "additionalCoordinates": dict(additional or {}),
            "asOmeTiff": as_ome,
        }
        export = _planned(source, arguments)
    if export.total_bytes > MOST_BYTES:
        raise Invalid(
            f"The box has {readable_size(export.total_bytes)} of voxels, but one export may have "
            f"{readable_size(MOST_BYTES)} at most. Choose a smaller box or a coarser mag."
        )
    arguments["totalBytes"] = export.total_bytes
    _require_few_others(actor, export)
    return request_job(actor=actor, dataset=dataset, kind=Job.Kind.EXPORT_TIFF, arguments=arguments)


def run_export(run: Run) -> dict[str, Any]:
    """Write the file aside, then hand it to the storage of files."""
    work = WorkOnDataset(run, Action.VIEW)
    with explained():
        export = _planned(work.opened, work.arguments)
    _require_room(export)
    aside = _aside(run.job.pk)
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        path = aside / _file_name(work.dataset, export)
        with explained():
            write_export(export, path, report=work.report)
        work.report("Storing the file")
        _forget(run.job.pk)  # what an earlier attempt stored
        size = path.stat().st_size
        with path.open("rb") as stream, contextlib.closing(_MadeFile(path, stream)) as made:
            default_storage.save(f"{_FOLDER}/{run.job.pk}/{path.name}", made)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return {
        "summary": f"Exported {path.name} ({readable_size(size)}); it is kept for "
        f"{LIFETIME.days} days.",
        "download": reverse("conversion:export", args=[run.job.pk]),
    }


def open_export(*, actor: Actor, job_id: str) -> tuple[str, Any]:
    """Name and contents of what the job has exported, for its owner alone, while it is kept.

    Raises NotFound for everybody else, also where the owner may no longer view the dataset;
    ExportGone where it is not kept any more.
    """
    job = Job.objects.filter(pk=job_id, kind=Job.Kind.EXPORT_TIFF, owner=actor.user_id).first()
    if actor.is_anonymous or job is None or job.state != Job.State.SUCCESS or job.dataset is None:
        raise NotFound("There is no such export of yours.")
    require(actor, Action.VIEW, job.dataset)
    names = [] if _is_over(job) else _stored(job.pk)
    if not names:
        raise ExportGone(f"Exports are kept for {LIFETIME.days} days. Export the box anew.")
    return names[0], default_storage.open(f"{_FOLDER}/{job.pk}/{names[0]}")


def sweep() -> None:
    """Remove exports that are over, and what killed workers have left."""
    with contextlib.suppress(FileNotFoundError):
        for job_id in default_storage.listdir(_FOLDER)[0]:
            job = Job.objects.filter(pk=job_id).first()
            if job is None or _is_over(job):
                _forget(job_id)
    with contextlib.suppress(FileNotFoundError):
        for aside in _aside("").iterdir():
            if not Job.objects.filter(pk=aside.name).unfinished().exists():
                shutil.rmtree(aside, ignore_errors=True)


def _layer_name(dataset: OpenedDataset, name: str | None) -> str:
    names = [layer.name for layer in dataset.data_source.layers]
    if name is None and len(names) != 1:
        raise Invalid(f"Say which layer: {', '.join(names)}.")
    return name or names[0]


def _planned(dataset: OpenedDataset, arguments: dict[str, Any]) -> Export:
    (layer,) = dataset.layers(arguments["layerName"])
    box = arguments["bbox"]
    return plan_export(
        dataset.mag(layer, Mag.parse(arguments["mag"])),
        BoundingBox.of(tuple(box[:3]), tuple(box[3:])) if box else None,
        dataset.data_source.voxel_size,
        index=arguments["additionalCoordinates"],
        as_ome=arguments["asOmeTiff"],
    )


def _file_name(dataset: Dataset, export: Export) -> str:
    """Made of names that are valid for files: those of the directory, the layer and the mag."""
    x, y, z = export.box.offset
    point = "".join(f"_{valid_name(axis)}{at}" for axis, at in export.index.items())
    name = f"{dataset.directory_name}_{export.mag.layer.name}_{export.mag.mag.literal}{point}"
    return f"{name}_{x}_{y}_{z}"[-200:] + (".zip" if export.needs_tiles else ".tif")


def _require_few_others(actor: Actor, export: Export) -> None:
    jobs = Job.objects.filter(kind=Job.Kind.EXPORT_TIFF, owner=actor.user_id)
    unfinished = jobs.unfinished()
    kept = jobs.filter(state=Job.State.SUCCESS, ended__gte=timezone.now() - LIFETIME)
    taken = sum(job.arguments.get("totalBytes", 0) for job in unfinished | kept)
    if taken + export.total_bytes > MOST_BYTES_PER_PERSON:
        raise Conflict(
            f"Your exports of the last {LIFETIME.days} days have {readable_size(taken)} of voxels "
            f"already; this one would make it more than {readable_size(MOST_BYTES_PER_PERSON)}. "
            f"Cancel one that waits, choose a smaller box, or wait until an older one is "
            f"{LIFETIME.days} days old."
        )


def _require_room(export: Export) -> None:
    needed = export.total_bytes * (2 if export.needs_tiles else 1)
    disk = shutil.disk_usage(settings.DATA_DIR)
    if disk.free - RESERVE * disk.total < needed:
        raise JobFailed(
            f"There is no room for {readable_size(needed)} on the disk.",
            "Choose a smaller box, or ask the operator for room.",
        )


def _aside(job_id: str) -> Path:
    return Path(settings.DATA_DIR) / "exporting" / job_id


def _is_over(job: Job) -> bool:
    return bool(job.is_final and (job.ended is None or job.ended < timezone.now() - LIFETIME))


def _stored(job_id: str) -> list[str]:
    try:
        return list(default_storage.listdir(f"{_FOLDER}/{job_id}")[1])
    except FileNotFoundError:
        return []


def _forget(job_id: str) -> None:
    for name in _stored(job_id):
        default_storage.delete(f"{_FOLDER}/{job_id}/{name}")
    with contextlib.suppress(FileNotFoundError, OSError):
        default_storage.delete(f"{_FOLDER}/{job_id}")


register(Job.Kind.EXPORT_TIFF, work=run_export, notify=job_mails.notify)
