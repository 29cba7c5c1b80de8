"""The page of what can be done with a dataset's data, and the download of an export."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from rest_framework.serializers import Serializer

from conversion.api import run_parameters as parameters
from conversion.models import Job
from conversion.pipeline.mags import Sampling
from conversion.services.dataset_jobs import asking, require_workable
from conversion.services.exporting import LIFETIME, open_export, request_export
from conversion.services.largest_segment_id import request_largest_segment_id
from conversion.services.measuring import request_measuring
from conversion.services.missing_mags import request_missing_mags
from conversion.services.rewriting import form_of, request_rewriting
from datasets.access import Action, dataset_for, may
from datasets.models import Dataset
from datasets.services.data_source import load
from datasets.views.actor import actor_of
from sharing.access import Actor
from sharing.errors import Invalid, ServiceError

Given = dict[str, Any]


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
    serializer, ask = _TOOLS[tool]
    try:
        job = ask(actor, dataset, _checked(serializer, request))
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


def _export(actor: Actor, dataset: Dataset, given: Given) -> Job:
    return request_export(
        actor=actor,
        dataset=dataset,
        box=given["bbox"],
        layer_name=given.get("layerName"),
        mag=given.get("mag"),
        as_ome=given["asOmeTiff"],
    )


def _segment_id(actor: Actor, dataset: Dataset, given: Given) -> Job:
    return request_largest_segment_id(actor=actor, dataset=dataset, layer_name=given["layerName"])


def _missing_mags(actor: Actor, dataset: Dataset, given: Given) -> Job:
    return request_missing_mags(
        actor=actor,
        dataset=dataset,
        layer_name=given.get("layerName"),
        coarsest=given.get("coarsestMag"),
        sampling=Sampling(given["samplingMode"]),
    )


def _change_format(actor: Actor, dataset: Dataset, given: Given) -> Job:
    with asking():
        form = form_of(given)
    return request_rewriting(
        actor=actor, dataset=dataset, form=form, layer_name=given.get("layerName")
    )


def _measure(actor: Actor, dataset: Dataset, given: Given) -> Job:
    return request_measuring(actor=actor, dataset=dataset)


_TOOLS: dict[str, tuple[type[Serializer[None]], Callable[[Actor, Dataset, Given], Job]]] = {
    "export": (parameters.ExportParameters, _export),
    "segment-id": (parameters.SegmentIdParameters, _segment_id),
    "missing-mags": (parameters.MissingMagsParameters, _missing_mags),
    "format": (parameters.ChangeFormatParameters, _change_format),
    "storage": (Serializer, _measure),
}


def _checked(serializer: type[Serializer[None]], request: HttpRequest) -> Given:
    """The form's values; what was left empty counts as absent. Raises Invalid."""
    filled = {name: str(value) for name, value in request.POST.items() if str(value).strip()}
    form = serializer(data=filled)
    if not form.is_valid():
        raise Invalid(*(f"{name}: {said}" for name, found in form.errors.items() for said in found))
    return dict(form.validated_data)
