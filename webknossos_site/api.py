"""The parts of the HTTP API that concern the site itself: build info, health and features."""

from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from . import __version__

OLDEST_API_VERSION = 13
CURRENT_API_VERSION = 16


class BuildInfoView(APIView):
    """Which server this is, and which versions of the API it speaks."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, **_: Any) -> Response:
        """The public library picks the newest version that both sides know."""
        return Response(
            {
                "webknossos": {"name": "webknossos-site", "version": __version__},
                "localDataStoreEnabled": True,
                "localTracingStoreEnabled": False,
                "httpApiVersioning": {
                    "currentApiVersion": CURRENT_API_VERSION,
                    "oldestSupportedApiVersion": OLDEST_API_VERSION,
                },
            }
        )


class HealthView(APIView):
    """Whether the server answers."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses=None)
    def get(self, request: Request, **_: Any) -> Response:
        """An empty answer."""
        return Response()


class FeaturesView(APIView):
    """What the site can do."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses={200: {"type": "object", "additionalProperties": {"type": "boolean"}}})
    def get(self, request: Request, **_: Any) -> Response:
        """By name, whether a feature is there; what does not stand here is not."""
        return Response({
            "allowDeleteDatasets": True,
            "jobsEnabled": True,
            "editableMappingsEnabled": False,
            "isWkorgInstance": False,
            "voxelyticsEnabled": False,
        })  # fmt: skip


class TracingStoreView(APIView):
    """The tracing store, which has no annotations to keep here."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        responses=inline_serializer(
            "TracingStore", {"name": serializers.CharField(), "url": serializers.CharField()}
        )
    )
    def get(self, request: Request, **_: Any) -> Response:
        """The site itself, so that clients that ask for it can go on."""
        return Response({"name": "localhost", "url": settings.PUBLIC_URL})
