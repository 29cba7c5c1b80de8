"""The API of uploads, by the protocol of resumable.js as the public library speaks it.

Reserve, send chunks, finish; or cancel, or ask what can go on. Clients give an upload up at 400,
403, 404, 409 and 500, and come again after everything else: trouble of this site is always 503.
"""

import logging
from typing import Any

from django.db import InterfaceError, OperationalError
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversion.models import Upload
from conversion.services import uploads, uploads_finishing, uploads_reserving
from conversion.services.waiting import ComeAgain
from conversion.uploads.multipart import Interrupted, drain, file_form
from conversion.uploads.names import BadUpload
from datasets.services.dataset_teams import teams_of
from sharing.api.actors import actor_from_request, user_of
from sharing.api.errors import success
from sharing.api.schema import NoticesSerializer, problems
from sharing.errors import Invalid

from .authentication import DataTokenAuthentication, SessionWithHeader
from .serializers import (
    ChunkFormSerializer,
    ChunkSerializer,
    ChunkTestSerializer,
    FinishedSerializer,
    FinishedV13Serializer,
    ReserveAttachmentSerializer,
    ReserveDatasetSerializer,
    ReserveDatasetV13Serializer,
    ReserveMagSerializer,
    UnfinishedQuerySerializer,
    UnfinishedUploadSerializer,
    UploadIdSerializer,
)

LARGEST_BODY = 256 * 1024**2
RETRY_SECONDS = "5"

Kind = Upload.Kind
logger = logging.getLogger(__name__)

_DOMAIN = OpenApiParameter(
    "domain", str, OpenApiParameter.PATH, enum=Kind.values, description="What is uploaded."
)


class UploadView(APIView):
    """What all steps of an upload have in common."""

    authentication_classes = (DataTokenAuthentication, SessionAuthentication)
    permission_classes = (IsAuthenticated,)

    def handle_exception(self, error: Exception) -> Response:
        """What was sent is wrong: 400. This site is in trouble: 503, and the client comes again."""
        match error:
            case BadUpload():
                error = Invalid(str(error))
            case Interrupted():
                error = ComeAgain("The connection broke. Send the chunk again.")
            case OperationalError() | InterfaceError():
                logger.warning("an upload met a database fault", exc_info=error)
                error = ComeAgain("The database does not answer. Try again in some seconds.")
            case OSError():
                logger.warning("an upload met a fault of the disk", exc_info=error)
                error = ComeAgain(
                    f"The disk takes nothing at the moment ({error.strerror}). Try again later."
                )
        response = super().handle_exception(error)
        if response.status_code == ComeAgain.status:
            response.headers["Retry-After"] = RETRY_SECONDS
        return response


class ReserveView(UploadView):
    """Announces uploads."""

    @extend_schema(
        parameters=[_DOMAIN],
        request=PolymorphicProxySerializer(
            component_name="Reserve",
            serializers=[
                ReserveDatasetSerializer,
                ReserveMagSerializer,
                ReserveAttachmentSerializer,
            ],
            resource_type_field_name=None,
        ),
        responses={200: NoticesSerializer, **problems(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, domain: str, **version: str) -> Response:
        """Announce an upload; the same announcement once more does no harm."""
        user, actor = user_of(request), actor_from_request(request)
        match Kind(domain):
            case Kind.DATASET:
                new = ReserveDatasetSerializer(data=request.data)
                new.is_valid(raise_exception=True)
                uploads_reserving.reserve_dataset(
                    user=user, actor=actor, announced=new.announced(), new=new.new_dataset()
                )
            case Kind.MAG:
                mag = ReserveMagSerializer(data=request.data)
                mag.is_valid(raise_exception=True)
                uploads_reserving.reserve_mag(
                    user=user,
                    actor=actor,
                    announced=mag.announced(),
                    into=mag.into(),
                    mag=mag.mag_properties(),
                )
            case Kind.ATTACHMENT:
                file = ReserveAttachmentSerializer(data=request.data)
                file.is_valid(raise_exception=True)
                uploads_reserving.reserve_attachment(
                    user=user,
                    actor=actor,
                    announced=file.announced(),
                    into=file.into(),
                    kind=file.kind(),
                    attachment=file.attachment_properties(),
                )
        return success("There is room for the upload.")


class ReserveV13View(UploadView):
    """Announces uploads of datasets, as version 13 does."""

    @extend_schema(
        request=ReserveDatasetV13Serializer,
        responses={200: NoticesSerializer, **problems(400, 401, 403, 404, 409)},
    )
    def post(self, request: Request, **version: str) -> Response:
        """Announce an upload of a dataset."""
        old = ReserveDatasetV13Serializer(data=request.data)
        old.is_valid(raise_exception=True)
        new = ReserveDatasetSerializer(data=old.modern())
        new.is_valid(raise_exception=True)
        uploads_reserving.reserve_dataset(
            user=user_of(request),
            actor=actor_from_request(request),
            announced=new.announced(),
            new=new.new_dataset(),
        )
        return success("There is room for the upload.")


class _ChunksView(UploadView):
    """Receives chunks, in any order, any number at once, and as often as the client likes."""

    # The body is read straight to where it belongs: nothing else may look into it.
    authentication_classes = (DataTokenAuthentication, SessionWithHeader)
    parser_classes = ()

    def _tell(self, request: Request, kind: Kind) -> Response:
        query = ChunkTestSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        is_there = uploads.has_chunk(
            user=user_of(request),
            kind=kind,
            identifier=query.validated_data["resumableIdentifier"],
            number=query.validated_data["resumableChunkNumber"],
        )
        return Response(status=200 if is_there else 204)

    def _take(self, request: Request, kind: Kind) -> Response:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        if length > LARGEST_BODY:
            raise Invalid(f"A chunk is larger than {LARGEST_BODY:,} bytes. Send smaller ones.")
        form = file_form(
            request._request, content_type=request.META.get("CONTENT_TYPE", ""), length=length
        )
        fields = ChunkSerializer(data=form.fields)
        fields.is_valid(raise_exception=True)
        writer = uploads.open_chunk(
            user=user_of(request),
            kind=kind,
            identifier=fields.validated_data["resumableIdentifier"],
            sizes=fields.sizes(),
        )
        if writer is not None:
            with writer:
                for data in form.file:
                    writer.write(data)
                writer.commit()
        return Response()

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Whatever the answer: a person's client that is still sending must get to read it.

        Nobody waits for what strangers send: their connection is closed.
        """
        if request.user.is_authenticated:
            try:
                drain(request._request, LARGEST_BODY)
            except OSError:
                logger.info("a client went away while it sent a chunk")
        return super().finalize_response(request, response, *args, **kwargs)


_TOLD = {200: None, 204: None, **problems(400, 401, 404)}
_CHUNK_FORM = {"multipart/form-data": ChunkFormSerializer}
_TAKEN = {200: None, **problems(400, 401, 404)}


class ChunkView(_ChunksView):
    """Chunks of uploads of every kind."""

    @extend_schema(parameters=[_DOMAIN, ChunkTestSerializer], responses=_TOLD)
    def get(self, request: Request, domain: str, **version: str) -> Response:
        """Whether a chunk was received: 200 if so, 204 if not."""
        return self._tell(request, Kind(domain))

    @extend_schema(parameters=[_DOMAIN], request=_CHUNK_FORM, responses=_TAKEN)
    def post(self, request: Request, domain: str, **version: str) -> Response:
        """Send a chunk: the fields first, then its bytes."""
        return self._take(request, Kind(domain))


class ChunkV13View(_ChunksView):
    """Chunks of datasets, at the address that version 13 has for them."""

    @extend_schema(parameters=[ChunkTestSerializer], responses=_TOLD)
    def get(self, request: Request, **version: str) -> Response:
        """Whether a chunk was received: 200 if so, 204 if not."""
        return self._tell(request, Kind.DATASET)

    @extend_schema(request=_CHUNK_FORM, responses=_TAKEN)
    def post(self, request: Request, **version: str) -> Response:
        """Send a chunk: the fields first, then its bytes."""
        return self._take(request, Kind.DATASET)


class FinishView(UploadView):
    """Has uploads taken in."""

    @extend_schema(
        parameters=[_DOMAIN, UploadIdSerializer],
        request=None,
        responses={200: FinishedSerializer, **problems(400, 401, 404, 503)},
    )
    def post(self, request: Request, domain: str, **version: str) -> Response:
        """Take the upload in, and wait for it up to a minute; asked again, wait on."""
        upload = uploads_finishing.finish(
            user=user_of(request), kind=Kind(domain), upload_id=_upload_id(request.query_params)
        )
        return Response(FinishedSerializer(upload).data)


class FinishV13View(UploadView):
    """Has uploads of datasets taken in, as version 13 does."""

    @extend_schema(
        request=UploadIdSerializer,
        responses={200: FinishedV13Serializer, **problems(400, 401, 404, 503)},
    )
    def post(self, request: Request, **version: str) -> Response:
        """Take the upload in, and wait for it up to a minute; asked again, wait on."""
        upload = uploads_finishing.finish(
            user=user_of(request), kind=Kind.DATASET, upload_id=_upload_id(request.data)
        )
        return Response(FinishedV13Serializer(upload).data)


class CancelView(UploadView):
    """Gives uploads up."""

    @extend_schema(
        parameters=[_DOMAIN, UploadIdSerializer],
        request=None,
        responses={200: NoticesSerializer, **problems(400, 401, 404, 409)},
    )
    def post(self, request: Request, domain: str, **version: str) -> Response:
        """Remove what was sent, and the dataset that it was to become."""
        upload = uploads.cancel(
            user=user_of(request), kind=Kind(domain), upload_id=_upload_id(request.query_params)
        )
        if upload.state == Upload.State.FINISHING:
            return success("The upload is being cancelled.")
        return success("The upload is cancelled.")


class UnfinishedView(UploadView):
    """Uploads that can go on."""

    @extend_schema(
        parameters=[UnfinishedQuerySerializer],
        responses={200: UnfinishedUploadSerializer(many=True), **problems(400, 401)},
    )
    def get(self, request: Request, **version: str) -> Response:
        """Your own unfinished uploads of datasets, newest first."""
        query = UnfinishedQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        organization_id = query.validated_data["organizationName"]
        found = list(uploads.unfinished_uploads(user_of(request), organization_id))
        teams = teams_of([upload.dataset for upload in found if upload.dataset is not None])
        context = {"teams": teams}
        return Response([UnfinishedUploadSerializer(one, context=context).data for one in found])


def _upload_id(given: Any) -> str:
    body = UploadIdSerializer(data=given)
    body.is_valid(raise_exception=True)
    upload_id: str = body.validated_data["uploadId"]
    return upload_id
