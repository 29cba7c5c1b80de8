"""Folders in the admin: the tree, and which teams read what lies in it."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from datasets.models import Dataset, Folder
from datasets.services.audience import READ_FOLDER
from sharing.admin.display import json_block, list_link
from sharing.admin.scoped import OrganizationScopedAdmin, ScopedRelatedFilter

from .grants import GrantsForm, GrantsTeams
from .paths import PathsChangeList, path_of


class FolderForm(GrantsForm):
    """A folder's form; what would break the tree is refused."""

    def clean(self) -> dict[str, Any]:
        """A folder lies in no folder of its own, and only the root lies in none."""
        cleaned = super().clean()
        if "parent" not in self.fields:
            return cleaned
        parent = cleaned.get("parent")
        if parent is None and "parent" not in self.errors:
            self.add_error("parent", "Choose the folder that it lies in.")
        elif parent is not None and self._lies_in_itself(parent):
            self.add_error("parent", "A folder can't move into itself or below itself.")
        return cleaned

    def _lies_in_itself(self, parent: Folder) -> bool:
        if self.instance._state.adding:
            return False
        return Folder.objects.subtree_of(self.instance.pk).filter(pk=parent.pk).exists()


class FoldersChangeList(PathsChangeList):
    """The list of folders."""

    folder_field = "pk"


@admin.register(Folder)
class FolderAdmin(GrantsTeams, OrganizationScopedAdmin):
    """Folders by their path."""

    form = FolderForm
    read_permission = READ_FOLDER
    fields = ("organization", "parent", "name", "teams", "metadata_shown", "path", "created")
    readonly_fields = ("metadata_shown", "path", "created")
    autocomplete_fields = ("organization", "parent")
    list_display = ("path", "organization", "datasets", "grants", "created")
    list_filter = (("organization", ScopedRelatedFilter),)
    list_select_related = ("organization",)
    search_fields = ("name", "=id")
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Folder]:
        """Folders with their paths and with the numbers that the list shows."""
        rows: QuerySet[Folder] = (
            super()
            .get_queryset(request)
            .annotate(
                dataset_count=Count("datasets", distinct=True),
                grant_count=Count("foldergroupobjectpermission", distinct=True),
            )
        )
        return rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PathsChangeList]:
        """A list that knows its folders' paths."""
        return FoldersChangeList

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The root folder stays where it is."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return (*fields, "parent") if obj is not None and obj.parent_id is None else fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The root folder stays; a folder that holds something is protected by the tables."""
        is_root = isinstance(obj, Folder) and obj.parent_id is None
        return not is_root and super().has_delete_permission(request, obj)

    @admin.display(description="Path", ordering="name")
    def path(self, row: Folder) -> str:
        """The names from the root's down to its own."""
        return "" if row._state.adding else path_of(row, row.pk)

    @admin.display(description="Metadata")
    def metadata_shown(self, row: Folder) -> SafeString | str:
        """Keys and values; edited on the site's own page."""
        return json_block(row.metadata)

    @admin.display(description="Datasets", ordering="dataset_count")
    def datasets(self, row: Folder) -> SafeString:
        """How many datasets lie right in it, linked to them."""
        return list_link(Dataset, row.dataset_count, folder__id__exact=row.pk)  # type: ignore[attr-defined]

    @admin.display(description="Teams granted", ordering="grant_count")
    def grants(self, row: Folder) -> int:
        """How many teams were granted this folder itself."""
        return int(row.grant_count)  # type: ignore[attr-defined]
