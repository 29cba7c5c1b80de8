"""The WSGI entry: chunk requests take the fast path, everything else is Django's."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webknossos_site.settings")

application = get_wsgi_application()
