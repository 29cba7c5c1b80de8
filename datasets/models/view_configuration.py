"""How each person last looked at a dataset."""

from django.db import models

from sharing.models import User

from .dataset import Dataset


class DatasetViewConfiguration(models.Model):
    """A person's own view of a dataset; wins over the dataset's defaults.

    `configuration` has the whitelisted keys of datasets.properties.view, layers by name.
    """

    dataset = models.ForeignKey(
        Dataset, on_delete=models.CASCADE, related_name="view_configurations"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    configuration = models.JSONField()
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("dataset", "user", name="one_view_configuration_per_user")
        ]

    def __str__(self) -> str:
        return f"{self.user} on {self.dataset}"
