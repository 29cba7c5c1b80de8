"""The API of people: who I am, whom and which teams I may see, and tokens.

Every view takes an API version from its address and ignores it: these answers never changed.
"""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sharing.models import ApiToken, Team, User
from sharing.services import tokens
from sharing.services.people import person_for

from .actors import actor_from_request, user_of
from .authentication import header_token
from .serializers import TeamSerializer, TokenSerializer, UserSerializer


class CurrentUser(APIView):
    """The person who asks."""

    @extend_schema(responses=UserSerializer)
    def get(self, request: Request, **version: str) -> Response:
        """`/api/user`."""
        return Response(UserSerializer(user_of(request)).data)


class Users(APIView):
    """The people that the actor may see."""

    @extend_schema(responses=UserSerializer(many=True))
    def get(self, request: Request, **version: str) -> Response:
        """`/api/users`, deactivated people included."""
        visible = User.objects.visible_to(actor_from_request(request))
        return Response(
            UserSerializer(visible.prefetch_related("memberships__team"), many=True).data
        )


class UserDetail(APIView):
    """One person."""

    @extend_schema(responses=UserSerializer)
    def get(self, request: Request, user_id: str, **version: str) -> Response:
        """`/api/users/<id>`."""
        return Response(UserSerializer(person_for(actor_from_request(request), user_id)).data)


class Teams(APIView):
    """The teams of the actor's organization: whoever edits a dataset chooses among them."""

    @extend_schema(responses=TeamSerializer(many=True))
    def get(self, request: Request, **version: str) -> Response:
        """`/api/teams`."""
        teams: QuerySet[Team] = Team.objects.visible_to(actor_from_request(request))
        return Response(TeamSerializer(teams, many=True).data)


class AuthToken(APIView):
    """A token for somebody who is signed in."""

    @extend_schema(responses=TokenSerializer)
    def get(self, request: Request, **version: str) -> Response:
        """`/api/auth/token`: a new token, or the one that the request came with.

        Only digests are stored, so an earlier token can't be shown again. A token begets no other:
        one that ends could otherwise be turned into one that does not.
        """
        if isinstance(request.auth, ApiToken):
            return Response({"token": header_token(request)})
        _, secret = tokens.create_token(user=user_of(request), name=tokens.MADE_BY_API)
        return Response({"token": secret})


class ShortLivedToken(APIView):
    """A token for a few hours, for a browser that asks a data store."""

    @extend_schema(request=None, responses=TokenSerializer)
    def post(self, request: Request, **version: str) -> Response:
        """`/api/userToken/generate`."""
        no_later_than = request.auth.expires if isinstance(request.auth, ApiToken) else None
        secret = tokens.create_short_lived_token(user=user_of(request), no_later_than=no_later_than)
        return Response({"token": secret})
