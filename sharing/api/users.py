"""The API of people: who I am, whom I may see, and what I may change of them.

Every view takes an API version from its address and ignores it: these answers never changed.
"""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sharing.models import User
from sharing.services.people import person_for
from sharing.services.person_changes import change_person

from .actors import actor_from_request, user_of
from .schema import problems
from .serializers import LoggedTimeSerializer, PersonChangesSerializer, UserSerializer


class CurrentUser(APIView):
    """The person who asks."""

    @extend_schema(responses={200: UserSerializer, **problems(401)})
    def get(self, request: Request, **version: str) -> Response:
        """The person behind the session or token."""
        return Response(UserSerializer(user_of(request)).data)


class Users(APIView):
    """The people that the actor may see."""

    @extend_schema(
        operation_id="users_list", responses={200: UserSerializer(many=True), **problems(401)}
    )
    def get(self, request: Request, **version: str) -> Response:
        """Those of your teams; all of your organization if you lead anything; deactivated ones
        included.
        """
        visible = User.objects.visible_to(actor_from_request(request))
        return Response(
            UserSerializer(visible.prefetch_related("memberships__team"), many=True).data
        )


class UserDetail(APIView):
    """One person."""

    @extend_schema(responses={200: UserSerializer, **problems(401, 404)})
    def get(self, request: Request, user_id: str, **version: str) -> Response:
        """One of the people that you may see."""
        return Response(UserSerializer(person_for(actor_from_request(request), user_id)).data)

    @extend_schema(
        request=PersonChangesSerializer,
        responses={200: UserSerializer, **problems(400, 401, 403, 404, 409)},
    )
    def patch(self, request: Request, user_id: str, **version: str) -> Response:
        """Change name, roles, teams or whether they may sign in: all that is asked, or nothing.

        Send the whole person or only what is to change. Admins change everything, team managers who
        is in their teams, everybody their own name. An organization keeps an admin.
        """
        actor = actor_from_request(request)
        user = person_for(actor, user_id)
        body = PersonChangesSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        changed = change_person(actor=actor, user=user, changes=body.changes())
        return Response(UserSerializer(changed).data)


class LoggedTime(APIView):
    """The time that a person annotated."""

    @extend_schema(responses={200: LoggedTimeSerializer, **problems(401, 404)})
    def get(self, request: Request, user_id: str, **version: str) -> Response:
        """No month at all: nobody annotates on this site."""
        person_for(actor_from_request(request), user_id)
        return Response({"loggedTime": []})
