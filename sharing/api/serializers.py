"""People and teams as the HTTP API writes them (versions 13 to 16 alike)."""

from rest_framework import serializers

from sharing.models import Team, TeamMembership, User

from .fields import MillisecondsField


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
    isTeamManager = serializers.BooleanField(source="is_manager")  # noqa: N815

    class Meta:
        model = TeamMembership
        fields = ["id", "name", "isTeamManager"]


class UserSerializer(serializers.ModelSerializer[User]):
    """A person; the public library requires every one of these keys."""

    organization = serializers.SerializerMethodField()
    firstName = serializers.CharField(source="first_name")  # noqa: N815
    lastName = serializers.CharField(source="last_name")  # noqa: N815
    created = MillisecondsField()
    lastActivity = MillisecondsField(source="active_or_created")  # noqa: N815
    isActive = serializers.BooleanField(source="is_active")  # noqa: N815
    isAdmin = serializers.BooleanField(source="is_admin")  # noqa: N815
    isDatasetManager = serializers.BooleanField(source="is_dataset_manager")  # noqa: N815
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


class TokenSerializer(serializers.Serializer[dict[str, str]]):
    """A secret, shown this once."""

    token = serializers.CharField()
