"""The app of people and access."""

from django.apps import AppConfig


class SharingConfig(AppConfig):
    """People and what they may do; knows no dataset."""

    name = "sharing"
    verbose_name = "People and access"

    def ready(self) -> None:
        """Connect the signals that keep derived access in step, and register the API's scheme."""
        from . import signals  # noqa: F401
        from .api import schema  # noqa: F401
