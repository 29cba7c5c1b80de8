"""The site's settings under test: everything below a temporary directory, nothing from outside.

DATABASE_URL and REDIS_URL of the environment are kept: the suite runs on SQLite with the embedded
broker, and again on PostgreSQL and Redis.
"""

import atexit
import os
import shutil
import tempfile

_DATA_DIR = tempfile.mkdtemp(prefix="webknossos-test-")
atexit.register(shutil.rmtree, _DATA_DIR, ignore_errors=True)
os.environ["DATA_DIR"] = _DATA_DIR
for _name in ("PUBLIC_URL", "BINARY_DATA_DIR", "ALLOWED_HOSTS", "EMAIL_URL", "S3_BUCKET"):
    os.environ.pop(_name, None)

from webknossos_site.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    **STORAGES,  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
LOGGING = {"version": 1, "disable_existing_loggers": False}
# Processes that test side by side share one Redis: each has keys of its own there.
CACHES["default"]["KEY_PREFIX"] = _DATA_DIR  # noqa: F405
# Static files straight from where they lie: tests need no collectstatic.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
if not ENVIRONMENT.database_url:  # noqa: F405
    # In a file, as on a user's machine: in memory, a second writer fails instead of waiting.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}  # noqa: F405
