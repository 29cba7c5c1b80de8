"""Remote datasets: their addresses exist, and say that this version has none."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sharing.api.schema import problems
from sharing.errors import ServiceError


class NotInThisVersion(ServiceError):
    """Something that programs may know from other servers, but that this one does not do."""

    status = 501


class RemoteDatasetsView(APIView):
    """Datasets that lie in a storage elsewhere."""

    @extend_schema(request=None, responses=problems(401, 501))
    def post(self, request: Request, **_: Any) -> Response:
        """Not in this version: nothing is looked at or added."""
        raise NotInThisVersion(
            "This site can't open remote data yet, so nothing was added. Download the data and "
            "upload it, or have the operator link it into the data directory."
        )
