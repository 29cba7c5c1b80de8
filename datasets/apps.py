"""The app of datasets."""

from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    """Datasets, their metadata and their voxels; knows no job."""

    name = "datasets"
    verbose_name = "Datasets"

    def ready(self) -> None:
        """Connect the signals that keep what is derived from grants in step."""
        from . import signals  # noqa: F401
