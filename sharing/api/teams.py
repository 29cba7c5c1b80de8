"""The API of teams: which there are, a new one, one less."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sharing.errors import Conflict
from sharing.models import Team
from sharing.services import teams

from .actors import actor_from_request, user_of
from .errors import success
from .schema import NoticesSerializer, problems
from .serializers import NewTeamSerializer, TeamSerializer


class Teams(APIView):
    """The teams of the actor's organization: whoever edits a dataset chooses among them."""

    @extend_schema(
        operation_id="teams_list", responses={200: TeamSerializer(many=True), **problems(401)}
    )
    def get(self, request: Request, **version: str) -> Response:
        """All teams of your organization."""
        visible = Team.objects.visible_to(actor_from_request(request))
        return Response(TeamSerializer(visible, many=True).data)

    @extend_schema(
        request=NewTeamSerializer,
        responses={200: TeamSerializer, **problems(400, 401, 403, 409)},
    )
    def post(self, request: Request, **version: str) -> Response:
        """Make a team without members; for admins."""
        organization = user_of(request).organization
        if organization is None:
            raise Conflict("Your account belongs to no organization, so it can't make a team.")
        body = NewTeamSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        team = teams.create_team(
            actor=actor_from_request(request),
            organization=organization,
            name=body.validated_data["name"],
        )
        return Response(TeamSerializer(team).data)


class TeamDetail(APIView):
    """One team."""

    @extend_schema(responses={200: NoticesSerializer, **problems(401, 403, 404, 409)})
    def delete(self, request: Request, team_id: str, **version: str) -> Response:
        """Delete the team; for admins. Its people lose what they saw only through it."""
        actor = actor_from_request(request)
        team = teams.team_for(actor, team_id)
        teams.delete_team(actor=actor, team=team)
        return success(f"The team '{team}' was deleted.")
