"""Folders in the words of the HTTP API, as the public library reads and writes them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from datasets.models import Folder
from datasets.services.audience import READ_FOLDER, teams_of_folder
from datasets.services.folder_changes import LONGEST_NAME
from datasets.services.folder_tree import Node
from sharing.api.fields import TextField
from sharing.api.serializers import TeamSerializer
from sharing.grants import granted_teams
from sharing.models import Team

from .metadata import MetadataEntrySerializer

# ruff: noqa: N802, N815 - the API's names are camelCase

_TEAM_REFERENCE = {
    "oneOf": [
        {"type": "string", "description": "A team's id."},
        {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    ]
}


class _SeenFolderSerializer(serializers.Serializer[Any]):
    """What every description of a folder holds; of a breadcrumb, no metadata."""

    id = serializers.CharField(source="folder.pk")
    name = serializers.CharField(source="folder.name")
    isEditable = serializers.BooleanField(source="may_edit")
    metadata = serializers.SerializerMethodField()

    @extend_schema_field(MetadataEntrySerializer(many=True))
    def get_metadata(self, node: Node) -> list[dict[str, Any]]:
        """The folder's metadata, for those who may view it."""
        return node.folder.metadata if node.may_view else []


class FolderNodeSerializer(_SeenFolderSerializer):
    """A folder in the tree; `parent` is null for the root."""

    parent = serializers.CharField(  # type: ignore[assignment]
        source="folder.parent_id", allow_null=True
    )


class FolderSerializer(_SeenFolderSerializer):
    """A folder with its teams: its own, and those that it has from the folders above, too.

    A folder that only leads to what the actor may view tells neither teams nor metadata.
    """

    allowedTeams = serializers.SerializerMethodField()
    allowedTeamsCumulative = serializers.SerializerMethodField()

    @extend_schema_field(TeamSerializer(many=True))
    def get_allowedTeams(self, node: Node) -> list[dict[str, str]]:
        """The teams granted on the folder itself."""
        if not node.may_view:
            return []
        return list(TeamSerializer(granted_teams(node.folder, READ_FOLDER), many=True).data)

    @extend_schema_field(TeamSerializer(many=True))
    def get_allowedTeamsCumulative(self, node: Node) -> list[dict[str, str]]:
        """The teams granted on the folder or on one above it."""
        if not node.may_view:
            return []
        teams = Team.objects.filter(pk__in=teams_of_folder(node.folder))
        return list(TeamSerializer(teams, many=True).data)


@extend_schema_field(_TEAM_REFERENCE)
class TeamReferenceField(serializers.Field[str, Any, str, Any]):
    """A team by its id, or as the object that a folder tells of it: the library sends both."""

    def to_internal_value(self, data: Any) -> str:
        """The id."""
        team_id = data.get("id") if isinstance(data, dict) else data
        if not isinstance(team_id, str):
            raise serializers.ValidationError("Name a team by its id.")
        return str(TextField().run_validation(team_id))


class FolderUpdateSerializer(serializers.Serializer[None]):
    """A folder as it is to be; absent or null `metadata` stays as it is."""

    name = TextField(max_length=LONGEST_NAME)
    allowedTeams = serializers.ListField(child=TeamReferenceField())
    metadata: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=MetadataEntrySerializer(), required=False, allow_null=True
    )


class NewFolderQuery(serializers.Serializer[Folder]):
    """Where a new folder is to be, and what it is called."""

    parentId = TextField()
    name = TextField(max_length=LONGEST_NAME)


class MoveFolderQuery(serializers.Serializer[Folder]):
    """Where a folder is to be."""

    newParentId = TextField()
