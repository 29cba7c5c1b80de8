"""How much storage datasets and organizations use: the bytes of their mags and attachments.

What is remote, or lies in another organization's directory, counts nothing. Data that several
datasets use counts once, for the oldest of them: that follows from the rows whenever it is asked,
so that deleting the oldest leaves nothing to be mended.

No time on disk tells that a chunk deep below a mag was rewritten. So a dataset is measured when its
version has changed, which every edit, upload and reload brings about, and otherwise again once a
day, the longest unmeasured first and for a short time at a stretch.
"""

import hashlib
import logging
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from datasets.access import Action, require
from datasets.models import Dataset, UsedStorage
from datasets.storage import local
from datasets.storage.walk import walk
from sharing.access import Actor
from sharing.errors import NotAllowed, ServiceError
from sharing.models import Organization

from .data_source import load
from .paths_places import may_lead

logger = logging.getLogger(__name__)

MEASURED_AGAIN_AFTER = timedelta(days=1)
# What another dataset's turn has measured lately is not walked again.
_FRESH = timedelta(hours=1)
_STRETCH_SECONDS = 20.0
_UNFINISHED = (Dataset.Status.NOT_UPLOADED, Dataset.Status.NOT_UPLOADED_TO_PATHS)


class UsedAndQuota(NamedTuple):
    """The bytes that an organization uses, and how many are included; None means unlimited."""

    used_bytes: int
    included_bytes: int | None

    def is_exceeded_by(self, further_bytes: int = 0) -> bool:
        """Whether so many bytes more would be too much."""
        return self.included_bytes is not None and (
            self.used_bytes + further_bytes > self.included_bytes
        )


def used_and_quota(organization: Organization) -> UsedAndQuota:
    """What the organization uses and may use, as last measured."""
    counted = _counted().filter(dataset__organization=organization)
    used_bytes = counted.aggregate(total=Sum("used_bytes"))["total"] or 0
    return UsedAndQuota(used_bytes, organization.included_storage_bytes)


def require_storage_left(organization: Organization) -> None:
    """Raise NotAllowed where the organization already uses more than is included."""
    if used_and_quota(organization).is_exceeded_by(0):
        raise NotAllowed(
            f"{organization} uses all storage that it may use. Delete what is not needed, or ask "
            "the operator for more."
        )


def used_bytes_seen_by(actor: Actor, datasets: Iterable[Dataset]) -> dict[str, int]:
    """By id, the bytes that these datasets use, in one query; 0 for whoever is not of the owning
    organization, since it is nobody else's business.
    """
    datasets = list(datasets)
    own = [dataset.pk for dataset in datasets if actor.belongs_to(dataset.organization_id)]
    sums = _counted().filter(dataset__in=own).order_by().values("dataset")
    found = dict(sums.annotate(total=Sum("used_bytes")).values_list("dataset", "total"))
    return {dataset.pk: found.get(dataset.pk, 0) for dataset in datasets}


def details(*, actor: Actor, dataset: Dataset) -> QuerySet[UsedStorage]:
    """What the dataset's mags and attachments use, for its editors; data that counts for an older
    dataset is left out.
    """
    require(actor, Action.EDIT, dataset)
    return _counted().filter(dataset=dataset)


def measure_due(seconds: float = _STRETCH_SECONDS) -> int:
    """Measure what is due, until so much time has passed; the number of datasets measured."""
    end = time.monotonic() + seconds
    long_ago = timezone.now() - MEASURED_AGAIN_AFTER
    changed = Q(storage_version=None) | ~Q(storage_version=F("version"))
    due = Dataset.objects.filter(changed | Q(storage_measured__lt=long_ago))
    due = due.exclude(status__in=_UNFINISHED)
    count = 0
    for dataset in due.order_by(F("storage_measured").asc(nulls_first=True)).iterator(100):
        if time.monotonic() > end:
            break
        try:
            measure(dataset)
        except Exception:
            # One dataset that can't be measured must not keep the others waiting for ever.
            logger.exception("The storage of %s could not be measured", dataset.pk)
            _note(dataset, dataset.version)
        count += 1
    return count


def measure(dataset: Dataset) -> None:
    """Measure the dataset now and write it down. What is not there uses nothing."""
    version, now = dataset.version, timezone.now()
    parts = list(_parts(dataset))
    lately = dict(
        UsedStorage.objects.exclude(dataset=dataset)
        .filter(path_digest__in={part.digest for part in parts}, measured__gt=now - _FRESH)
        .values_list("path_digest", "used_bytes")
    )
    rows = []
    for part in parts:
        if part.digest not in lately:
            lately[part.digest] = walk(part.place, may_lead).used_bytes
        rows.append(
            UsedStorage(
                dataset=dataset,
                layer_name=part.layer_name,
                attachment_type=part.attachment_type,
                name=part.name,
                path_digest=part.digest,
                used_bytes=lately[part.digest],
                measured=now,
            )
        )
    with transaction.atomic():
        # Taking turns with whoever measures it too; gone is a dataset that was deleted meanwhile.
        locked = Dataset.objects.select_for_update(no_key=True).filter(pk=dataset.pk)
        if not locked.exists():
            return
        UsedStorage.objects.filter(dataset=dataset).delete()
        UsedStorage.objects.bulk_create(rows)
        _note(dataset, version)


def _note(dataset: Dataset, version: int) -> None:
    """Write down that the dataset was measured, without the work that saving it would bring."""
    Dataset.objects.filter(pk=dataset.pk).update(
        storage_version=version, storage_measured=timezone.now()
    )


@dataclass(frozen=True)
class _Part:
    layer_name: str
    attachment_type: str
    name: str
    place: Path

    @property
    def digest(self) -> str:
        return hashlib.sha256(os.fsencode(self.place)).hexdigest()


def _parts(dataset: Dataset) -> Iterable[_Part]:
    """The dataset's mags and attachments that lie on this machine and are the organization's."""
    if dataset.voxel_size is None:
        return
    directory = local.dataset_directory(dataset)
    foreign = _foreign_directories(dataset.organization_id)
    for layer in load(dataset).layers:
        found = []
        for mag in layer.mags:
            try:
                found.append(("", mag.mag.literal, local.resolve_mag_path(directory, layer, mag)))
            except ServiceError:
                continue
        for kind, attachments in layer.attachments.by_kind().items():
            for file in attachments:
                try:
                    found.append((kind, file.name, local.resolve(directory, file.path)))
                except ServiceError:
                    continue
        for kind, name, place in found:
            real = Path(os.path.realpath(place))
            if os.path.exists(real) and not foreign & {real, *real.parents}:  # noqa: PTH110
                yield _Part(layer.name, kind, name, real)


def _foreign_directories(organization_id: str) -> set[Path]:
    others = Organization.objects.exclude(pk=organization_id).values_list("pk", flat=True)
    roots = [Path(settings.BINARY_DATA_DIR), *settings.UPLOAD_PATHS]
    return {Path(os.path.realpath(root / other)) for root in roots for other in others}


def _counted() -> QuerySet[UsedStorage]:
    """The rows that count: of equal data, that of the oldest dataset, and in it the first."""
    same = UsedStorage.objects.filter(path_digest=OuterRef("path_digest"))
    created = Q(dataset__created__lt=OuterRef("dataset__created"))
    tied = Q(dataset__created=OuterRef("dataset__created"), dataset__lt=OuterRef("dataset"))
    within = Q(dataset=OuterRef("dataset"), pk__lt=OuterRef("pk"))
    return UsedStorage.objects.filter(~Exists(same.filter(created | tied | within)))
