"""The API of tokens, for programs that run where somebody is signed in.

Tokens that last are made by people, on the page /account/token.
"""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sharing.models import ApiToken
from sharing.services import tokens

from .actors import user_of
from .authentication import header_token
from .schema import problems
from .serializers import TokenSerializer


class AuthToken(APIView):
    """A token for somebody who is signed in."""

    @extend_schema(responses={200: TokenSerializer, **problems(401)})
    def get(self, request: Request, **version: str) -> Response:
        """The token that the request came with; for a session, a new one that ends in a few hours.

        Only digests are stored, so an earlier token can't be shown again; and asking must not leave
        behind keys that work for ever. A token begets no other: one that ends could otherwise be
        turned into one that does not.
        """
        if isinstance(request.auth, ApiToken):
            return Response({"token": header_token(request)})
        secret = tokens.create_short_lived_token(user=user_of(request), name=tokens.FOR_SESSION)
        return Response({"token": secret})


class ShortLivedToken(APIView):
    """A token for a browser that asks a data store."""

    @extend_schema(request=None, responses={200: TokenSerializer, **problems(401, 403)})
    def post(self, request: Request, **version: str) -> Response:
        """A new token that ends in a few hours, and no later than the one of the request."""
        secret = tokens.create_short_lived_token(
            user=user_of(request),
            name=tokens.FOR_BROWSER,
            made_with=request.auth if isinstance(request.auth, ApiToken) else None,
        )
        return Response({"token": secret})
