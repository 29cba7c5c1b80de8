"""When each person last looked at a dataset."""

from django.db import models

from sharing.models import User

from .dataset import Dataset


class DatasetUse(models.Model):
    """That a person opened a dataset, and when they last did, to within an hour."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="uses")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    last = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint("dataset", "user", name="one_use_per_user")]

    def __str__(self) -> str:
        return f"{self.user} on {self.dataset}"
