"""A dataset's own page: how it is, where it lies, what it is made of, who can see it."""

import json
from typing import Any, Final, Literal, NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets.access import Action, dataset_for, may
from datasets.models import Dataset
from datasets.properties import Change
from datasets.services.audience_report import who_can_see
from datasets.services.disk_changes import last_seen_on_disk, pending_difference
from datasets.services.folder_paths import paths_of
from datasets.services.listing import unreadable_mags

from .actor import actor_of
from .advice import advice_for, numbered_lines
from .markdown import rendered

_LONG_VALUE = 120  # characters
_MOST_CHANGES = 50
_CREATION = Dataset.CreationType
_CAME_IN_BY: Final[dict[str, str]] = {
    _CREATION.UPLOAD: "an upload",
    _CREATION.DISK_SCAN: "a scan of the disk",
    _CREATION.UPLOAD_TO_PATHS: "a program that wrote its data in place",
    _CREATION.EXPLORE_AND_ADD: "the address of its data",
    _CREATION.COMPOSE: "composing layers of other datasets",
}
# The change after which a side has nothing to show.
_SIDES: Final[tuple[tuple[str, Literal["old", "new"]], ...]] = (
    ("added", "old"),
    ("removed", "new"),
)


@require_safe
def dataset_status(request: HttpRequest, dataset_id: str) -> HttpResponse:
    """The page; what only matters to those who can change it is shown to them alone."""
    dataset = dataset_for(actor_of(request), dataset_id)
    may_edit = may(actor_of(request), Action.EDIT, dataset)
    context = {
        "dataset": dataset,
        "may_edit": may_edit,
        "description": rendered(dataset.description),
        "advice": advice_for(dataset),
        "unreadable_mags": unreadable_mags([dataset.pk]).get(dataset.pk, 0),
        "layers": dataset.layers.prefetch_related("mags", "attachments"),
        **(_for_editors(dataset) if may_edit else {}),
    }
    return render(request, "datasets/status.html", context)


def _for_editors(dataset: Dataset) -> dict[str, Any]:
    return {
        "directory": settings.BINARY_DATA_DIR / dataset.organization_id / dataset.directory_name,
        "folder_path": paths_of([dataset.folder_id])[dataset.folder_id],
        "last_seen": last_seen_on_disk(dataset),
        "came_in_by": _CAME_IN_BY[dataset.creation_type],
        "broken_lines": numbered_lines(dataset),
        "audience": who_can_see(dataset),
        "pending": _pending(dataset),
        "is_dismissed": bool(dataset.dismissed_hash),
    }


class ChangedValue(NamedTuple):
    """A change on disk to be looked at: JSON before and after, empty for what is not there."""

    path: str
    old: str
    new: str

    @property
    def is_long(self) -> bool:
        """Whether it is folded, so that it does not hide the others."""
        return max(len(self.old), len(self.new)) > _LONG_VALUE


def _pending(dataset: Dataset) -> dict[str, Any] | None:
    waiting = pending_difference(dataset)
    if waiting is None:
        return None
    new_settings, changes = waiting
    values = sorted(map(_changed_value, changes), key=lambda value: len(value.old + value.new))
    return {
        "changes": values[:_MOST_CHANGES],
        "further": len(values[_MOST_CHANGES:]),
        "settings": _as_text(new_settings),
        "difference": _as_text(changes),
    }


def _changed_value(change: Change) -> ChangedValue:
    old, new = (
        "" if change["change"] == absent else json.dumps(change[side], ensure_ascii=False)
        for absent, side in _SIDES
    )
    return ChangedValue(change["path"], old, new)


def _as_text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
