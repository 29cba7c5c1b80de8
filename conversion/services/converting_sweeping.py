"""Removes what conversions left half written and nobody goes on with."""

import contextlib
import re
import secrets
import shutil
import time
from datetime import timedelta
from pathlib import Path

from django.db.models import Q
from django.utils import timezone

from conversion.models import Job
from conversion.pipeline.work_directory import WorkDirectory
from datasets.models import Dataset
from datasets.storage import local
from sharing.models import Organization

# After trouble of the site, people may retry so long without starting over.
KEPT = timedelta(days=7)
_GRACE_SECONDS = 3600
# Directories of jobs end in the dataset's id; others are of people who convert on a command line.
_WORK = re.compile(r"\.(?P<name>.+-[0-9a-f]{24})\.converting(\.[0-9a-f]{8})?")


def sweep() -> None:
    """Look through every organization's directory."""
    for organization_id in Organization.objects.values_list("pk", flat=True):
        for left in _left_in(local.organization_directory(organization_id)):
            found = _WORK.fullmatch(left.name)
            if found and not _is_gone_on_with(organization_id, found["name"]):
                _remove(left, organization_id, found["name"])


def remove_work(dataset: Dataset) -> None:
    """Remove at once what a conversion of the dataset left that was cancelled while it waited."""
    work = WorkDirectory(local.dataset_directory(dataset))
    asked = (dataset.organization_id, dataset.directory_name)
    if work.path.exists() and not _is_gone_on_with(*asked):
        _remove(work.path, *asked)


def _remove(left: Path, organization_id: str, directory_name: str) -> None:
    """Remove a work directory as a whole: a worker must not go on with half of it."""
    aside = left.with_name(f".{directory_name}.converting.{secrets.token_hex(4)}")
    with contextlib.suppress(OSError):
        left.rename(aside)
        if _is_gone_on_with(organization_id, directory_name):  # retried since we looked
            aside.rename(left)
    shutil.rmtree(aside, ignore_errors=True)


def _is_gone_on_with(organization_id: str, directory_name: str) -> bool:
    """Whether a conversion into this directory waits or runs, or failed a short time ago."""
    jobs = Job.objects.filter(
        kind=Job.Kind.CONVERT,
        dataset__organization=organization_id,
        dataset__directory_name=directory_name,
    )
    lately = Q(state=Job.State.FAILURE, ended__gt=timezone.now() - KEPT)
    return jobs.unfinished().exists() or jobs.filter(lately).exists()


def _left_in(directory: Path) -> list[Path]:
    """The work directories that were made a while ago."""
    try:
        entries = list(directory.glob(".*.converting*"))
        return [e for e in entries if time.time() - e.stat().st_mtime > _GRACE_SECONDS]
    except OSError:
        return []
