"""The API of jobs: the list, one of them, cancel and retry."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversion.access import job_for
from conversion.models import Job
from conversion.services import converting_orders, jobs
from sharing.access import Actor
from sharing.api.actors import actor_from_request
from sharing.api.schema import problems

from .job_serializers import AnswersSerializer, JobSerializer

MOST = 1000


class JobsView(APIView):
    """The jobs that somebody sees."""

    @extend_schema(
        operation_id="jobs_list", responses={200: JobSerializer(many=True), **problems(401)}
    )
    def get(self, request: Request, **version: str) -> Response:
        """Your own jobs, for admins all of the organization: the newest 1,000, newest first."""
        actor = actor_from_request(request)
        shown = Job.objects.visible_to(actor).with_outcome(actor)
        rows = shown.select_related("owner", "dataset")[:MOST]
        return Response([JobSerializer(job).data for job in rows])


class JobView(APIView):
    """One job."""

    @extend_schema(responses={200: JobSerializer, **problems(401, 404)})
    def get(self, request: Request, job_id: str, **version: str) -> Response:
        """How far it is, or how it ended."""
        return _described(actor_from_request(request), job_id)


class CancelJobView(APIView):
    """Stops a job."""

    @extend_schema(request=None, responses={200: JobSerializer, **problems(401, 404, 409)})
    def patch(self, request: Request, job_id: str, **version: str) -> Response:
        """Cancel it: one that waits is over at once, one that runs within seconds."""
        actor = actor_from_request(request)
        jobs.cancel(actor=actor, job_id=job_id)
        return _described(actor, job_id)


class RetryJobView(APIView):
    """Tries a job again."""

    @extend_schema(
        request=AnswersSerializer,
        responses={200: JobSerializer, **problems(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, job_id: str, **version: str) -> Response:
        """Try a failed or cancelled job again: admins as often as they like, others once, and
        whoever answers what it asks for.
        """
        actor = actor_from_request(request)
        body = AnswersSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        if answers := body.answers():
            converting_orders.retry_with(actor=actor, job_id=job_id, **answers)
        else:
            jobs.retry(actor=actor, job_id=job_id)
        return _described(actor, job_id)


def _described(actor: Actor, job_id: str) -> Response:
    job = job_for(actor, job_id)
    shown = Job.objects.with_outcome(actor).select_related("owner", "dataset").get(pk=job.pk)
    return Response(JobSerializer(shown).data)
