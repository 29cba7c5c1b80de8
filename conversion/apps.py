"""The app of jobs and conversion."""

from django.apps import AppConfig


class ConversionConfig(AppConfig):
    """Work that takes long: jobs and what they do."""

    name = "conversion"
    verbose_name = "Jobs and conversion"
    default = True


class FileCommandsConfig(AppConfig):
    """The app as manage.py loads it for commands that work without a site: it has no tables."""

    name = "conversion"

    def import_models(self) -> None:
        self.models = {}
