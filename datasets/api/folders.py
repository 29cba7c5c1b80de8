"""The API of folders: the tree, one folder, and its changes."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets.services.folder_changes import (
    create_folder,
    delete_folder,
    move_folder,
    update_folder,
)
from datasets.services.folder_tree import node_for, node_of, tree_of
from datasets.services.folders import root_of
from sharing.api.actors import actor_from_request, user_of
from sharing.api.errors import success
from sharing.api.schema import NoticesSerializer, problems
from sharing.errors import NotFound
from sharing.models import Organization

from .folder_serializers import (
    FolderNodeSerializer,
    FolderSerializer,
    FolderUpdateSerializer,
    MoveFolderQuery,
    NewFolderQuery,
)


def _organization(request: Request) -> Organization:
    organization = user_of(request).organization
    if organization is None:
        raise NotFound("Your account belongs to no organization, so it has no folders.")
    return organization


class RootFolderView(APIView):
    """The root of the organization's folders."""

    @extend_schema(responses={200: FolderNodeSerializer, **problems(401, 404)})
    def get(self, request: Request, **version: str) -> Response:
        """The folder above all others of your organization."""
        root = root_of(_organization(request))
        return Response(FolderNodeSerializer(node_for(actor_from_request(request), root.pk)).data)


class FolderTreeView(APIView):
    """All folders that the actor sees."""

    @extend_schema(
        operation_id="folders_tree",
        responses={200: FolderNodeSerializer(many=True), **problems(401, 404)},
    )
    def get(self, request: Request, **version: str) -> Response:
        """Those that you may view and those that lead to what you may view, parents first.

        The latter are not editable, and their metadata is left out.
        """
        tree = tree_of(actor_from_request(request), _organization(request))
        return Response(FolderNodeSerializer(tree, many=True).data)


class NewFolderView(APIView):
    """Makes folders."""

    @extend_schema(
        request=None,
        parameters=[NewFolderQuery],
        responses={200: FolderNodeSerializer, **problems(400, 401, 403, 404)},
    )
    def post(self, request: Request, **version: str) -> Response:
        """Make a folder in one that you may edit."""
        actor, query = actor_from_request(request), NewFolderQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        given = query.validated_data
        folder = create_folder(actor=actor, parent_id=given["parentId"], name=given["name"])
        return Response(FolderNodeSerializer(node_of(actor, folder)).data)


class FolderView(APIView):
    """One folder."""

    @extend_schema(responses={200: FolderSerializer, **problems(401, 404)})
    def get(self, request: Request, folder_id: str, **version: str) -> Response:
        """The folder with its teams and metadata."""
        return Response(FolderSerializer(node_for(actor_from_request(request), folder_id)).data)

    @extend_schema(
        request=FolderUpdateSerializer,
        responses={200: FolderSerializer, **problems(400, 401, 403, 404)},
    )
    def put(self, request: Request, folder_id: str, **version: str) -> Response:
        """Change name, teams and metadata of a folder that you may edit.

        Unless you manage all datasets, you add and remove only teams that you manage; others that
        the folder is given to stay, named here or not.
        """
        actor = actor_from_request(request)
        node_for(actor, folder_id)  # what is hidden is told before what is wrong with the body
        body = FolderUpdateSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given: dict[str, Any] = body.validated_data
        folder = update_folder(
            actor=actor,
            folder_id=folder_id,
            name=given["name"],
            team_ids=given["allowedTeams"],
            metadata=given.get("metadata"),
        )
        # Not sought anew: whoever took away their own team sees it no longer.
        return Response(FolderSerializer(node_of(actor, folder)).data)

    @extend_schema(responses={200: NoticesSerializer, **problems(400, 401, 403, 404)})
    def delete(self, request: Request, folder_id: str, **version: str) -> Response:
        """Delete an empty folder that you may edit."""
        folder = delete_folder(actor=actor_from_request(request), folder_id=folder_id)
        return success(f"The folder '{folder}' was deleted.")


class MoveFolderView(APIView):
    """Moves folders."""

    @extend_schema(
        request=None,
        parameters=[MoveFolderQuery],
        responses={200: FolderNodeSerializer, **problems(400, 401, 403, 404)},
    )
    def put(self, request: Request, folder_id: str, **version: str) -> Response:
        """Put a folder that you may edit into another one that you may edit.

        Who sees what is in it changes with the folders above it.
        """
        actor, query = actor_from_request(request), MoveFolderQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        folder = move_folder(
            actor=actor, folder_id=folder_id, new_parent_id=query.validated_data["newParentId"]
        )
        return Response(FolderNodeSerializer(node_of(actor, folder)).data)
