"""When each organization's directory was last scanned."""

from django.db import models

from sharing.models import Organization


class DiskScan(models.Model):
    """The last complete scan of an organization's directory.

    It stands for "last seen" of every dataset that the scan found as it was, so that a scan of
    many unchanged datasets writes one row; `Dataset.last_seen` is written when one goes missing.
    """

    organization = models.OneToOneField(
        Organization, on_delete=models.CASCADE, primary_key=True, related_name="disk_scan"
    )
    finished = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.organization_id} at {self.finished:%Y-%m-%d %H:%M}"
