"""A dataset's own page: how it is, where it lies, what it is made of, who can see it."""

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets.access import Action, dataset_for, may
from datasets.models import Dataset, DiskScan
from datasets.services.audience_report import who_can_see
from datasets.services.disk_changes import pending_difference
from datasets.services.folder_paths import paths_of

from .actor import actor_of
from .advice import advice_for, numbered_lines
from .markdown import rendered


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
        "layers": dataset.layers.prefetch_related("mags", "attachments"),
        **(_for_editors(dataset) if may_edit else {}),
    }
    return render(request, "datasets/status.html", context)


def _for_editors(dataset: Dataset) -> dict[str, Any]:
    scan = DiskScan.objects.filter(organization=dataset.organization_id).first()
    return {
        "directory": settings.BINARY_DATA_DIR / dataset.organization_id / dataset.directory_name,
        "folder_path": paths_of([dataset.folder_id])[dataset.folder_id],
        "last_seen": dataset.last_seen or (scan and scan.finished),
        "broken_lines": numbered_lines(dataset),
        "audience": who_can_see(dataset),
        "pending": _pending(dataset),
    }


def _pending(dataset: Dataset) -> dict[str, str] | None:
    waiting = pending_difference(dataset)
    if waiting is None:
        return None
    new_settings, changes = waiting
    return {"settings": _as_text(new_settings), "difference": _as_text(changes)}


def _as_text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
