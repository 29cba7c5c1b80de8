"""People and teams as the HTTP API writes them (versions 13 to 16 alike)."""

from typing import Any

from rest_framework import serializers

from sharing.models import Team, TeamMembership, User
from sharing.services.person_changes import PersonChanges

from .fields import MillisecondsField, TextField

# ruff: noqa: N815 - the API's names are camelCase


class TeamSerializer(serializers.ModelSerializer[Team]):
    """A team."""

    organization = serializers.CharField(source="organization_id")

    class Meta:
        model = Team
        fields = ["id", "name", "organization"]


class TeamMembershipSerializer(serializers.ModelSerializer[TeamMembership]):
    """A team as its member sees it."""

    id = serializers.CharField(source="team_id")
    name = serializers.CharField(source="team.name")
    isTeamManager = serializers.BooleanField(source="is_manager")

    class Meta:
        model = TeamMembership
        fields = ["id", "name", "isTeamManager"]


class UserSerializer(serializers.ModelSerializer[User]):
    """A person; the public library requires every one of these keys."""

    organization = serializers.SerializerMethodField()
    firstName = serializers.CharField(source="first_name")
    lastName = serializers.CharField(source="last_name")
    created = MillisecondsField()
    lastActivity = MillisecondsField(source="active_or_created")
    isActive = serializers.BooleanField(source="is_active")
    isAdmin = serializers.BooleanField(source="is_admin")
    isDatasetManager = serializers.BooleanField(source="is_dataset_manager")
    teams = TeamMembershipSerializer(source="memberships", many=True)
    experiences = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = [
            "id",
            "email",
            "organization",
            "firstName",
            "lastName",
            "created",
            "lastActivity",
            "isActive",
            "isAdmin",
            "isDatasetManager",
            "teams",
            "experiences",
        ]

    def get_organization(self, user: User) -> str:
        """The organization's id; empty for an operator without one."""
        return user.organization_id or ""

    def get_experiences(self, user: User) -> dict[str, int]:
        """Always empty: this site assigns no annotation tasks."""
        return {}


class NewTeamSerializer(serializers.Serializer[None]):
    """A team to make."""

    name = TextField(max_length=128)


class TeamRoleSerializer(serializers.Serializer[None]):
    """A team that a person is to be in; further keys are passed over."""

    id = TextField()
    isTeamManager = serializers.BooleanField(default=False)


class PersonChangesSerializer(serializers.Serializer[None]):
    """A person as they are to be. Absent keys change nothing; further ones are passed over.

    `email` and `organization` may be sent, but not changed. `teams` are all teams of the person.
    """

    email = TextField(required=False)
    organization = TextField(required=False, allow_blank=True)
    firstName = TextField(required=False, allow_blank=True, max_length=128)
    lastName = TextField(required=False, allow_blank=True, max_length=128)
    isActive = serializers.BooleanField(required=False)
    isAdmin = serializers.BooleanField(required=False)
    isDatasetManager = serializers.BooleanField(required=False)
    teams = TeamRoleSerializer(many=True, required=False)

    def validate_teams(self, teams: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Each team once: otherwise it would not be clear whether they manage it."""
        if len({team["id"] for team in teams}) < len(teams):
            raise serializers.ValidationError("A team stands here twice.")
        return teams

    def changes(self) -> PersonChanges:
        """What the (valid) body asks for."""
        given = self.validated_data
        teams = given.get("teams")
        return PersonChanges(
            email=given.get("email"),
            organization_id=given.get("organization"),
            first_name=given.get("firstName"),
            last_name=given.get("lastName"),
            is_active=given.get("isActive"),
            is_admin=given.get("isAdmin"),
            is_dataset_manager=given.get("isDatasetManager"),
            teams=None if teams is None else {team["id"]: team["isTeamManager"] for team in teams},
        )


class MonthSerializer(serializers.Serializer[None]):
    """A month of a year."""

    month = serializers.IntegerField()
    year = serializers.IntegerField()


class LoggedMonthSerializer(serializers.Serializer[None]):
    """The time that somebody annotated in a month."""

    paymentInterval = MonthSerializer()
    durationInSeconds = serializers.IntegerField()


class LoggedTimeSerializer(serializers.Serializer[None]):
    """The time that somebody annotated, by month."""

    loggedTime = LoggedMonthSerializer(many=True)


class ShortLinkSerializer(serializers.Serializer[None]):
    """A short link: `/links/<key>` leads to `longLink`."""

    key = serializers.CharField()
    longLink = serializers.CharField()


class TokenSerializer(serializers.Serializer[dict[str, str]]):
    """A secret, shown this once."""

    token = serializers.CharField()
