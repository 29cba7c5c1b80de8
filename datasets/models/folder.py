"""Folders: a tree per organization, along which access is inherited."""

from typing import Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, QuerySet, Value, When

from sharing.ids import HexIdModel
from sharing.models import Organization


class FolderQuerySet(QuerySet["Folder"]):
    """Questions about the tree, answered with one short query per level of it.

    Trees are wide and shallow, so this asks less of the database than a recursive query, which
    walks the trees of all organizations.
    """

    def subtree_of(self, folder_id: str) -> Self:
        """The folder and everything below it."""
        found, level = {folder_id}, {folder_id}
        while level:
            below = self.model._default_manager.filter(parent__in=level)
            level = set(below.values_list("pk", flat=True)) - found
            found |= level
        return self.filter(pk__in=found)

    def chain_to(self, folder_id: str) -> Self:
        """The folders from the root to this one, both included, in this order."""
        chain: list[str] = []
        above: str | None = folder_id
        while above is not None:
            chain.append(above)
            parents = self.model._default_manager.filter(pk=above)
            above = parents.values_list("parent_id", flat=True).first()
        distance = Case(*[When(pk=pk, then=Value(steps)) for steps, pk in enumerate(chain)])
        return self.filter(pk__in=chain).order_by(distance.desc())


class Folder(HexIdModel):
    """A folder. Teams granted on it may read everything below it."""

    ROOT_NAME = "Datasets"

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="folders")
    parent = models.ForeignKey(
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
