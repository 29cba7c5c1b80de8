"""Who may read what: the grants (truth), and the pairs derived from them (what lists ask).

Grants are django-guardian's, in tables of their own with real foreign keys so that they index and
join. `DatasetTeam` is derived: see datasets.services.audience.
"""

from django.db import models
from guardian.models import GroupObjectPermissionBase

from sharing.models import Team


class DatasetGroupObjectPermission(GroupObjectPermissionBase):
    """A grant to a team's group on a dataset."""

    content_object = models.ForeignKey("datasets.Dataset", on_delete=models.CASCADE)


class FolderGroupObjectPermission(GroupObjectPermissionBase):
    """A grant to a team's group on a folder and everything below it."""

    content_object = models.ForeignKey("datasets.Folder", on_delete=models.CASCADE)


class DatasetTeam(models.Model):
    """A team that may read a dataset: by a grant on it, or on its folder or any ancestor."""

    dataset = models.ForeignKey(
        "datasets.Dataset", on_delete=models.CASCADE, related_name="audience"
    )
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint("dataset", "team", name="dataset_team_once")]
        indexes = [models.Index(fields=["team", "dataset"])]

    def __str__(self) -> str:
        return f"{self.team_id} reads {self.dataset_id}"
