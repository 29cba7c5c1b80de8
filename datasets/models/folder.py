"""Folders: a tree per organization, along which access is inherited."""

from typing import Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import QuerySet
from tree_queries.fields import TreeNodeForeignKey
from tree_queries.query import TreeQuerySet

from sharing.ids import HexIdModel
from sharing.models import Organization


class FolderQuerySet(TreeQuerySet, QuerySet["Folder"]):  # type: ignore[misc]  # it has no types
    """Questions about the tree."""

    def subtree_of(self, folder_id: str) -> Self:
        """The folder and everything below it, depth first."""
        subtree: Self = self.descendants(folder_id, include_self=True)
        return subtree

    def chain_to(self, folder_id: str) -> Self:
        """The folders from the root to this one, both included, in this order."""
        chain: Self = self.ancestors(folder_id, include_self=True)
        return chain


class Folder(HexIdModel):
    """A folder. Teams granted on it may read everything below it.

    It is a node of django-tree-queries; its base class is not used because the key is ours.
    """

    ROOT_NAME = "Datasets"

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="folders")
    parent = TreeNodeForeignKey(
        "self", on_delete=models.PROTECT, related_name="children", null=True, blank=True
    )
    name = models.CharField(
        max_length=256, validators=[RegexValidator(r"^[^/]+$", "A folder's name holds no '/'.")]
    )
    metadata = models.JSONField(default=list, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = models.Manager.from_queryset(FolderQuerySet)()

    class Meta:
        ordering = ["name"]
        permissions = [("read_folder", "Can see what lies in the folder")]
        constraints = [
            models.UniqueConstraint(
                "organization",
                condition=models.Q(parent__isnull=True),
                name="one_root_folder_per_organization",
            )
        ]

    def __str__(self) -> str:
        return self.name
