"""The site: settings, URLs, the WSGI entry, the Celery app and the commands that run it all."""

from .celery import app as celery_app

__all__ = ["celery_app"]
__version__ = "0.1.0"
