"""Asking for work on a dataset: each answers with the job that does it."""

from django.http import FileResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversion.models import Job
from conversion.services.exporting import open_export
from datasets.access import dataset_for
from sharing.api.actors import actor_from_request, user_of
from sharing.api.schema import problems

from . import run_parameters as parameters
from . import run_requests as requests
from .job_serializers import JobSerializer

_RESPONSES = {200: JobSerializer, **problems(400, 401, 403, 404, 409)}


class RunExportTiffView(APIView):
    """Exports a box as TIFF."""

    @extend_schema(parameters=[parameters.ExportParameters], request=None, responses=_RESPONSES)
    def post(self, request: Request, dataset_id: str, **version: str) -> Response:
        """Have a box of a layer written as TIFF; the job's `resultLink` is the file, for its owner
        and a week long. For people of the organization who may view the dataset.
        """
        return _started(requests.EXPORT_TIFF, request, dataset_id)


class RunFindLargestSegmentIdView(APIView):
    """Finds the largest segment id."""

    @extend_schema(parameters=[parameters.SegmentIdParameters], request=None, responses=_RESPONSES)
    def post(self, request: Request, dataset_id: str, **version: str) -> Response:
        """Find a layer's largest segment id: the job's `returnValue`. For people of the
        organization who may view the dataset; for its editors it is noted in the dataset, too.
        """
        return _started(requests.LARGEST_SEGMENT_ID, request, dataset_id)


class RunComputeMissingMagsView(APIView):
    """Adds coarser mags."""

    @extend_schema(
        parameters=[parameters.MissingMagsParameters], request=None, responses=_RESPONSES
    )
    def post(self, request: Request, dataset_id: str, **version: str) -> Response:
        """Add the coarser mags that a layer lacks, or all layers do; for the dataset's editors."""
        return _started(requests.MISSING_MAGS, request, dataset_id)


class RunChangeFormatView(APIView):
    """Stores voxels otherwise."""

    @extend_schema(
        parameters=[parameters.ChangeFormatParameters], request=None, responses=_RESPONSES
    )
    def post(self, request: Request, dataset_id: str, **version: str) -> Response:
        """Write a layer, or all of them, in another format or other chunks; for editors."""
        return _started(requests.CHANGE_FORMAT, request, dataset_id)


class RunMeasureStorageView(APIView):
    """Measures used storage."""

    @extend_schema(request=None, responses=_RESPONSES)
    def post(self, request: Request, dataset_id: str, **version: str) -> Response:
        """Measure now what the dataset uses of the organization's storage; for its editors."""
        return _started(requests.MEASURE_STORAGE, request, dataset_id)


class DownloadExportView(APIView):
    """The file that an export has made."""

    @extend_schema(responses={(200, "application/octet-stream"): bytes, **problems(401, 404, 410)})
    def get(self, request: Request, job_id: str, **version: str) -> FileResponse:
        """The TIFF, or the zip archive of several; for who asked for it, within seven days."""
        name, contents = open_export(actor=actor_from_request(request), job_id=job_id)
        return FileResponse(contents, as_attachment=True, filename=name)


def _started(work: requests.RunRequest, request: Request, dataset_id: str) -> Response:
    user_of(request)
    actor = actor_from_request(request)
    dataset = dataset_for(actor, dataset_id)
    query = work.parameters(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    job = work.ask(actor, dataset, dict(query.validated_data))
    shown = Job.objects.with_outcome(actor).select_related("owner", "dataset").get(pk=job.pk)
    return Response(JobSerializer(shown).data)
