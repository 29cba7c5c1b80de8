"""The site: settings, URLs, the WSGI entry, the Celery app and the commands that run it all."""
