"""The app of jobs and conversion."""

from django.apps import AppConfig


class ConversionConfig(AppConfig):
    """Work that takes long: jobs and what they do."""

    name = "conversion"
    verbose_name = "Jobs and conversion"
