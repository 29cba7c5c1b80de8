"""What the site wrote down about places on disk: those a dataset was given by reference, those kept
free for an upload to paths, and how many bytes lie where.

They name mags and attachments by layer and name instead of pointing at rows: those are made anew
whenever a data source is stored.
"""

from django.db import models

from .dataset import Dataset


class DataReference(models.Model):
    """A place of another dataset that this one was given by reference, and so may read.

    Only the site writes these, once it has seen that whoever asked may read the source. Wherever a
    path outside of the dataset's own directory is opened, it is judged by them.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="references")
    path = models.CharField(max_length=2048, help_text="Absolute, and no link when it was written.")
    source = models.ForeignKey(
        Dataset, on_delete=models.SET_NULL, null=True, related_name="referred_to"
    )

    class Meta:
        ordering = ["dataset", "path"]
        constraints = [models.UniqueConstraint("dataset", "path", name="reference_once")]

    def __str__(self) -> str:
        return self.path


class PathReservation(models.Model):
    """A mag or attachment that somebody writes to its path right now; finishing adds it.

    `attachment_type` is empty for a mag, whose `name` is its literal. `document` is what the
    properties will say of it.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="reservations")
    layer_name = models.CharField(max_length=255)
    attachment_type = models.CharField(max_length=32, blank=True)
    name = models.CharField(max_length=255)
    document = models.JSONField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["dataset", "layer_name", "attachment_type", "name"]
        constraints = [
            models.UniqueConstraint(
                "dataset", "layer_name", "attachment_type", "name", name="reserved_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.layer_name}/{self.name}"


class UsedStorage(models.Model):
    """How many bytes a mag or attachment of a dataset takes, and where they really lie.

    `attachment_type` is empty for a mag, whose `name` is its literal. Rows of equal `path_digest`
    are the same data: it counts for the oldest of their datasets.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="used_storage")
    layer_name = models.CharField(max_length=255)
    attachment_type = models.CharField(max_length=32, blank=True)
    name = models.CharField(max_length=255)
    path_digest = models.CharField(
        max_length=64, db_index=True, help_text="SHA-256 of the real path, which is too long."
    )
    used_bytes = models.BigIntegerField()
    measured = models.DateTimeField()

    class Meta:
        ordering = ["dataset", "layer_name", "attachment_type", "name"]
        constraints = [
            models.UniqueConstraint(
                "dataset", "layer_name", "attachment_type", "name", name="measured_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.layer_name}/{self.name}: {self.used_bytes} bytes"
