"""The page of what can be done with a dataset's data, and the download of an export."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from rest_framework.serializers import Serializer

from conversion.api import run_requests as requests
from conversion.services.dataset_jobs import require_workable
from conversion.services.exporting import LIFETIME, open_export
from datasets.access import Action, dataset_for, may
from datasets.properties import Layer
from datasets.services.data_source import load
from datasets.views.actor import actor_of
from sharing.errors import Invalid, ServiceError

_AXIS = "axis-"
"""What the fields of additional axes begin with, before the axis' name."""


@login_required
@require_safe
@never_cache
def tools_page(request: HttpRequest, dataset_id: str) -> HttpResponse:
    """What the person may do with the dataset's data."""
    actor = actor_of(request)
    dataset = dataset_for(actor, dataset_id)
    require_workable(actor, dataset, Action.VIEW)
    layers = load(dataset).layers
    return render(
        request,
        "conversion/tools.html",
        {
            "dataset": dataset,
            "layers": layers,
            "segmentations": [
                layer
                for layer in layers
                if layer.is_segmentation and layer.element_class.is_integer
            ],
            "mags": sorted({mag.mag for layer in layers for mag in layer.mags}, key=max),
            "box": ",".join(
                str(number)
                for number in (*layers[0].bounding_box.top_left, *layers[0].bounding_box.size)
            ),
            "axes": [(name, at.start, at.stop - 1) for name, at in _axes(layers).items()],
            "may_edit": may(actor, Action.EDIT, dataset),
            "days_kept": LIFETIME.days,
        },
    )


@login_required
@require_POST
def start(request: HttpRequest, dataset_id: str, tool: str) -> HttpResponse:
    """Ask for a job, and show it."""
    if tool not in _TOOLS:
        raise Http404
    actor = actor_of(request)
    dataset = dataset_for(actor, dataset_id)
    work = _TOOLS[tool]
    try:
        job = work.ask(actor, dataset, _checked(work.parameters, request))
    except ServiceError as error:
        if error.status in (401, 403, 404):
            raise
        messages.error(request, str(error))
        return redirect("conversion:tools", dataset.pk)
    return redirect("conversion:job", job.pk)


@login_required
@require_safe
@never_cache
def export(request: HttpRequest, job_id: str) -> FileResponse:
    """The file that a job has exported."""
    name, contents = open_export(actor=actor_of(request), job_id=job_id)
    return FileResponse(contents, as_attachment=True, filename=name)


_TOOLS = {
    "export": requests.EXPORT_TIFF,
    "segment-id": requests.LARGEST_SEGMENT_ID,
    "missing-mags": requests.MISSING_MAGS,
    "format": requests.CHANGE_FORMAT,
    "storage": requests.MEASURE_STORAGE,
}


def _axes(layers: Sequence[Layer]) -> dict[str, range]:
    """The additional axes on which an export has to be told where, and what they hold."""
    axes: dict[str, range] = {}
    for layer in layers:
        for axis in layer.additional_axes:
            known = axes.get(axis.name, range(*axis.bounds))
            first, end = axis.bounds
            axes[axis.name] = range(min(known.start, first), max(known.stop, end))
    return {name: indices for name, indices in axes.items() if len(indices) > 1}


def _checked(parameters: type[Serializer[None]], request: HttpRequest) -> dict[str, Any]:
    """The form's values; what was left empty counts as absent. Raises Invalid."""
    filled = {name: str(value) for name, value in request.POST.items() if str(value).strip()}
    places = [
        {"name": name.removeprefix(_AXIS), "value": int(at) if at.isdecimal() else at}
        for name, at in filled.items()
        if name.startswith(_AXIS)
    ]
    if places:
        filled["additionalCoordinates"] = json.dumps(places)
    form = parameters(data=filled)
    if not form.is_valid():
        raise Invalid(*(f"{name}: {said}" for name, found in form.errors.items() for said in found))
    return dict(form.validated_data)
