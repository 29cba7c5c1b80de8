"""The WSGI entry: chunk requests take the fast path, everything else is Django's."""

import os
from typing import TYPE_CHECKING

from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webknossos_site.settings")


def _composed() -> "WSGIApplication":
    django_application = get_wsgi_application()
    # Only now are the apps' models there to be imported.
    from django.conf import settings

    from datasets.streaming.bounded_bodies import with_bounded_bodies
    from datasets.streaming.fast_path import in_front_of

    return with_bounded_bodies(
        in_front_of(django_application), threads=settings.ENVIRONMENT.web_threads
    )


application = _composed()
