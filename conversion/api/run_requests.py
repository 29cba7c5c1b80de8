"""What each kind of work on a dataset is asked for with: the API and the page of tools share it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rest_framework.serializers import Serializer

from conversion.models import Job
from conversion.pipeline.mags import Sampling
from conversion.services.dataset_jobs import asking
from conversion.services.exporting import request_export
from conversion.services.largest_segment_id import request_largest_segment_id
from conversion.services.measuring import request_measuring
from conversion.services.missing_mags import request_missing_mags
from conversion.services.rewriting import form_of, request_rewriting
from datasets.models import Dataset
from sharing.access import Actor

from . import run_parameters as parameters

Given = dict[str, Any]


@dataclass(frozen=True)
class RunRequest:
    """A kind of work on a dataset."""

    parameters: type[Serializer[None]]
    ask: Callable[[Actor, Dataset, Given], Job]
    """The job, of what `parameters` made of somebody's text. Raises ServiceError."""


def _export(actor: Actor, dataset: Dataset, given: Given) -> Job:
    return request_export(
        actor=actor,
        dataset=dataset,
        box=given["bbox"],
        layer_name=given.get("layerName"),
        mag=given.get("mag"),
        additional=given.get("additionalCoordinates"),
        as_ome=given["asOmeTiff"],
    )


def _largest_segment_id(actor: Actor, dataset: Dataset, given: Given) -> Job:
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


EXPORT_TIFF = RunRequest(parameters.ExportParameters, _export)
LARGEST_SEGMENT_ID = RunRequest(parameters.SegmentIdParameters, _largest_segment_id)
MISSING_MAGS = RunRequest(parameters.MissingMagsParameters, _missing_mags)
CHANGE_FORMAT = RunRequest(parameters.ChangeFormatParameters, _change_format)
MEASURE_STORAGE = RunRequest(Serializer, _measure)
