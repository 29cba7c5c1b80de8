"""Who may see a dataset: its teams, its sharing link, and the people that this amounts to."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets.access import dataset_for
from datasets.services import links
from datasets.services.access_list import people_with_access
from datasets.services.dataset_teams import set_allowed_teams, teams_of
from sharing.api.actors import actor_from_request
from sharing.api.errors import success
from sharing.api.fields import TextField
from sharing.api.schema import NoticesSerializer, problems
from sharing.api.serializers import TeamSerializer, UserSerializer

from .views import JsonView

# ruff: noqa: N815 - the API's names are camelCase


class SharingTokenSerializer(serializers.Serializer[dict[str, str]]):
    """The token of a sharing link: it opens the dataset as `?sharingToken=`."""

    sharingToken = serializers.CharField()


class TeamsView(JsonView):
    """The teams that a dataset is given to."""

    @extend_schema(
        request={"application/json": {"type": "array", "items": {"type": "string"}}},
        responses={200: TeamSerializer(many=True), **problems(400, 401, 403, 404)},
    )
    def patch(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Give it to the teams with these ids, and to no others.

        Who manages no datasets adds and drops only the teams that they manage; others stay.
        """
        actor = actor_from_request(request)
        dataset = dataset_for(actor, dataset_id)
        ids = serializers.ListField(child=TextField()).run_validation(request.data)
        set_allowed_teams(actor=actor, dataset=dataset, team_ids=ids)
        teams = teams_of([dataset])[dataset.pk].own
        return Response([TeamSerializer(team).data for team in teams])


class AccessListView(APIView):
    """The people who can see a dataset."""

    @extend_schema(responses={200: UserSerializer(many=True), **problems(401, 403, 404)})
    def get(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """By a role or team; who came by a link is not known."""
        actor = actor_from_request(request)
        people = people_with_access(actor=actor, dataset=dataset_for(actor, dataset_id))
        return Response(UserSerializer(people, many=True).data)


class SharingTokenView(APIView):
    """The dataset's sharing link, in the form of the API: one token that is made when asked for."""

    @extend_schema(responses={200: SharingTokenSerializer, **problems(401, 403, 404)})
    def get(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """The token of the dataset's unnamed link."""
        actor = actor_from_request(request)
        dataset = dataset_for(actor, dataset_id)
        return Response({"sharingToken": links.sharing_token(actor=actor, dataset=dataset)})

    @extend_schema(responses={200: NoticesSerializer, **problems(401, 403, 404)})
    def delete(self, request: Request, dataset_id: str, **_: Any) -> Response:
        """Revoke it; the next GET makes a new one."""
        actor = actor_from_request(request)
        links.revoke_sharing_token(actor=actor, dataset=dataset_for(actor, dataset_id))
        return success("The sharing link was revoked.")
