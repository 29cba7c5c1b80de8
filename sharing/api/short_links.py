"""The API of short links."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sharing.errors import Invalid
from sharing.services import short_links

from .actors import user_of
from .schema import problems
from .serializers import ShortLinkSerializer


class ShortLinks(APIView):
    """Makes short links."""

    @extend_schema(
        request={"application/json": OpenApiTypes.STR},
        responses={200: ShortLinkSerializer, **problems(400, 401, 403)},
    )
    def post(self, request: Request, **version: str) -> Response:
        """Shorten an address of this site, sent as a JSON string.

        Whoever has the key learns the address, with the sharing token that it may hold.
        """
        long_link = request.data
        if not isinstance(long_link, str):
            raise Invalid("Send the address to shorten as a JSON string.")
        key = short_links.shorten(user=user_of(request), long_link=long_link)
        return Response({"key": key, "longLink": long_link})


class ShortLinkByKey(APIView):
    """What a short link stands for."""

    permission_classes = (AllowAny,)

    @extend_schema(responses={200: ShortLinkSerializer, **problems(404)})
    def get(self, request: Request, key: str, **version: str) -> Response:
        """The address behind the key, for anybody who has it."""
        return Response({"key": key, "longLink": short_links.long_link_of(key)})
