"""Asking for work on a dataset: each answers with the job that does it."""

from typing import Any

from django.http import FileResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversion.models import Job
from conversion.pipeline.mags import Sampling
from conversion.services.dataset_jobs import asking
from conversion.services.exporting import open_export, request_export
from conversion.services.largest_segment_id import request_largest_segment_id
from conversion.services.measuring import request_measuring
from conversion.services.missing_mags import request_missing_mags
from conversion.services.rewriting import form_of, request_rewriting
from datasets.access import dataset_for
from datasets.models import Dataset
from sharing.access import Actor
from sharing.api.actors import actor_from_request, user_of
from sharing.api.schema import problems

from . import run_parameters as parameters
from .job_serializers import JobSerializer

_RESPONSES = {200: JobSerializer, **problems(400, 401, 403, 404, 409)}


class RunExportTiffView(APIView):
    """Exports a box as TIFF."""

    @extend_schema(parameters=[parameters.ExportParameters], request=None, responses=_RESPONSES)
    def post(self, request: Request, dataset_id: str, **version: str) -> Response:
        """Have a box of a layer written as TIFF; the job's `resultLink` is the file, for its owner
        and a week long. For people of the organization who may view the dataset.
        """
        actor, dataset = _asked(request, dataset_id)
        given = _checked(parameters.ExportParameters, request)
        job = request_export(
            actor=actor,
            dataset=dataset,
            box=given["bbox"],
            layer_name=given.get("layerName"),
            mag=given.get("mag"),
            additional=given.get("additionalCoordinates"),
            as_ome=given["asOmeTiff"],
        )
        return _answer(actor, job)


class RunFindLargestSegmentIdView(APIView):
    """Finds the largest segment id."""

    @extend_schema(parameters=[parameters.SegmentIdParameters], request=None, responses=_RESPONSES)
    def post(self, request: Request, dataset_id: str, **version: str) -> Response:
        """Find a layer's largest segment id: the job's `returnValue`. For people of the
        organization who may view the dataset; for its editors it is noted in the dataset, too.
        """
        actor, dataset = _asked(request, dataset_id)
        given = _checked(parameters.SegmentIdParameters, request)
        job = request_largest_segment_id(
            actor=actor, dataset=dataset, layer_name=given["layerName"]
        )
        return _answer(actor, job)


class RunComputeMissingMagsView(APIView):
    """Adds coarser mags."""

    @extend_schema(
        parameters=[parameters.MissingMagsParameters], request=None, responses=_RESPONSES
    )
    def post(self, request: Request, dataset_id: str, **version: str) -> Response:
        """Add the coarser mags that a layer lacks, or all layers do; for the dataset's editors."""
        actor, dataset = _asked(request, dataset_id)
        given = _checked(parameters.MissingMagsParameters, request)
        job = request_missing_mags(
            actor=actor,
            dataset=dataset,
            layer_name=given.get("layerName"),
            coarsest=given.get("coarsestMag"),
            sampling=Sampling(given["samplingMode"]),
        )
        return _answer(actor, job)


class RunChangeFormatView(APIView):
    """Stores voxels otherwise."""

    @extend_schema(
        parameters=[parameters.ChangeFormatParameters], request=None, responses=_RESPONSES
    )
    def post(self, request: Request, dataset_id: str, **version: str) -> Response:
        """Write a layer, or all of them, in another format or other chunks; for editors."""
        actor, dataset = _asked(request, dataset_id)
        given = _checked(parameters.ChangeFormatParameters, request)
        with asking():
            form = form_of(given)
        job = request_rewriting(
            actor=actor, dataset=dataset, form=form, layer_name=given.get("layerName")
        )
        return _answer(actor, job)


class RunMeasureStorageView(APIView):
    """Measures used storage."""

    @extend_schema(request=None, responses=_RESPONSES)
    def post(self, request: Request, dataset_id: str, **version: str) -> Response:
        """Measure now what the dataset uses of the organization's storage; for its editors."""
        actor, dataset = _asked(request, dataset_id)
        return _answer(actor, request_measuring(actor=actor, dataset=dataset))


class DownloadExportView(APIView):
    """The file that an export has made."""

    @extend_schema(responses={(200, "application/octet-stream"): bytes, **problems(401, 404, 410)})
    def get(self, request: Request, job_id: str, **version: str) -> FileResponse:
        """The TIFF, or the zip archive of several; for who asked for it, within seven days."""
        name, contents = open_export(actor=actor_from_request(request), job_id=job_id)
        return FileResponse(contents, as_attachment=True, filename=name)


def _asked(request: Request, dataset_id: str) -> tuple[Actor, Dataset]:
    user_of(request)
    actor = actor_from_request(request)
    return actor, dataset_for(actor, dataset_id)


def _answer(actor: Actor, job: Job) -> Response:
    shown = Job.objects.with_outcome(actor).select_related("owner", "dataset").get(pk=job.pk)
    return Response(JobSerializer(shown).data)


def _checked(serializer: type[Any], request: Request) -> dict[str, Any]:
    query = serializer(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    given: dict[str, Any] = query.validated_data
    return given
