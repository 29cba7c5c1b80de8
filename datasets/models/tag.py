"""Tags: an organization's words for its datasets."""

from django.db import models

from sharing.models import Organization


class Tag(models.Model):
    """A word that an organization puts on datasets."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=64)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint("organization", "name", name="tag_unique_in_organization")
        ]

    def __str__(self) -> str:
        return self.name
