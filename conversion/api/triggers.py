"""Looking at the disk now, as the public library asks a data store for it."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conversion.services import scans
from conversion.services.waiting import ComeAgain, wait_until
from datasets.access import dataset_for
from datasets.services.disk_changes import reload_dataset
from sharing.api.actors import actor_from_request
from sharing.api.errors import success
from sharing.api.schema import NoticesSerializer, problems
from sharing.errors import Conflict, Invalid, NotFound
from sharing.models import Organization

from .uploads import UploadView


class ReloadView(UploadView):
    """Reads a dataset anew."""

    @extend_schema(request=None, responses={200: NoticesSerializer, **problems(401, 403, 404, 409)})
    def post(
        self, request: Request, organization_id: str, dataset_id: str, **version: str
    ) -> Response:
        """Look at the dataset's directory now; for its editors."""
        actor = actor_from_request(request)
        dataset = dataset_for(actor, dataset_id)
        if dataset.organization_id != organization_id:
            raise NotFound("There is no such dataset in this organization, or you can't see it.")
        reload_dataset(actor=actor, dataset=dataset)
        return success(f"'{dataset}' was read anew.")


class CheckInboxView(UploadView):
    """Scans the disk."""

    @extend_schema(
        parameters=[OpenApiParameter("organizationId", str)],
        request=None,
        responses={200: NoticesSerializer, **problems(400, 401, 403, 404, 503)},
    )
    def post(self, request: Request, **version: str) -> Response:
        """Scan the organization's directory, and wait for it up to a minute."""
        actor = actor_from_request(request)
        organization_id = request.query_params.get("organizationId") or actor.organization_id
        if organization_id is None:
            raise Invalid("Say whose directory: add ?organizationId= to the address.")
        organization = Organization.objects.filter(pk=organization_id).first()
        if organization is None:
            raise NotFound("There is no such organization, or you can't see it.")
        job = scans.request_scan(actor=actor, organization=organization)

        def is_over() -> bool:
            job.refresh_from_db(fields=["state"])
            return job.is_final

        wait_until(is_over)
        if not job.is_final:
            raise ComeAgain("The scan goes on. Its progress is shown on the page of jobs.")
        job.refresh_from_db()
        if job.state != job.State.SUCCESS:
            raise Conflict(f"The scan did not end well. {job.cause}")
        return success(job.message)
