"""Django's settings, derived from the environment (environment.py) and from nothing else."""

from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from .environment import PROJECT_ROOT, Environment, database_from_url, email_from_url
from .secret_key import load_or_create

ENVIRONMENT = Environment()

# Where things lie -------------------------------------------------------------------------------

DATA_DIR = ENVIRONMENT.data_dir.resolve()
BINARY_DATA_DIR = (ENVIRONMENT.binary_data_dir or DATA_DIR / "binaryData").resolve()
RUN_DIR = DATA_DIR / "run"
if DATA_DIR.is_relative_to(BINARY_DATA_DIR):
    raise ImproperlyConfigured(
        f"BINARY_DATA_DIR ({BINARY_DATA_DIR}) holds DATA_DIR ({DATA_DIR}), so that datasets would "
        "lie among the site's own files. Choose a directory of its own for the data."
    )
for _directory in (DATA_DIR, BINARY_DATA_DIR):
    _directory.mkdir(parents=True, exist_ok=True)
RUN_DIR.mkdir(mode=0o700, exist_ok=True)
ALLOWED_DATA_PATHS = [path.resolve() for path in ENVIRONMENT.allowed_data_paths]
UPLOAD_PATHS = [path.resolve() for path in ENVIRONMENT.upload_paths]

# The site's address -----------------------------------------------------------------------------

PUBLIC_URL = ENVIRONMENT.address
_SECURE = PUBLIC_URL.startswith("https://")
_HOST = PUBLIC_URL.split("://", 1)[1].split("/", 1)[0].rsplit(":", 1)[0]
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts or sorted({_HOST, "localhost", "127.0.0.1", "[::1]"})
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
if ENVIRONMENT.behind_proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True

# Security ---------------------------------------------------------------------------------------

DEBUG = ENVIRONMENT.debug
SECRET_KEY = ENVIRONMENT.secret_key or load_or_create(DATA_DIR / "secret_key")
ENCRYPTION_KEYS = ENVIRONMENT.encryption_keys or [SECRET_KEY]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _SECURE
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_HSTS_SECONDS = 3600 * 24 * 30 if _SECURE else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"
PAGE_TOKEN_LIFETIME = timedelta(hours=ENVIRONMENT.page_token_hours)
INVITATION_LIFETIME = timedelta(days=ENVIRONMENT.invitation_days)
PASSWORD_RESET_TIMEOUT = 24 * 3600

# Pages run no inline script or style and load nothing from elsewhere. The viewer's iframe, which
# needs more, sets its own policy.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [SELF],
    }
}

AUTH_USER_MODEL = "sharing.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
LOGIN_URL = "sharing:sign-in"
LOGIN_REDIRECT_URL = "datasets:list"
LOGOUT_REDIRECT_URL = "sharing:sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AXES_FAILURE_LIMIT = ENVIRONMENT.login_attempts
AXES_COOLOFF_TIME = timedelta(minutes=ENVIRONMENT.login_lockout_minutes)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "sharing.throttling.locked_out"
AXES_USERNAME_FORM_FIELD = "username"  # whatever the model calls it
AXES_USERNAME_CALLABLE = "sharing.throttling.account_name"
AXES_CLIENT_IP_CALLABLE = "sharing.throttling.client_address"
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
GUARDIAN_MONKEY_PATCH_USER = False
ANONYMOUS_USER_NAME = None
# The site asks sharing.access and datasets.access, never user.has_perm on an object.
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]

# What the site is made of -----------------------------------------------------------------------

INSTALLED_APPS = [
    "webknossos_site.admin_app.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "guardian",
    "axes",
    "csp",
    "storages",
    "webknossos_site",
    "sharing",
    "datasets",
    "conversion",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "sharing.middleware.KeptByNobody",
    "sharing.middleware.WithoutNul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "sharing.middleware.LastActivity",
    "sharing.middleware.ServiceErrors",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "webknossos_site.urls"
WSGI_APPLICATION = "webknossos_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PROJECT_ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False

# Data -------------------------------------------------------------------------------------------

DATABASES = {"default": database_from_url(ENVIRONMENT.database_url, data_dir=DATA_DIR)}
if ENVIRONMENT.redis_url:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": ENVIRONMENT.redis_url,
        }
    }
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": str(RUN_DIR / "cache"),
        }
    }

# Found, not imported: only its files are served.
_NEUROGLANCER = find_spec("neuroglancer")
if _NEUROGLANCER is None or not _NEUROGLANCER.submodule_search_locations:
    raise ImproperlyConfigured("The package neuroglancer is not installed; run 'make install'.")
NEUROGLANCER_CLIENT = Path(_NEUROGLANCER.submodule_search_locations[0]) / "static" / "client"

STATIC_URL = "/static/"
STATIC_ROOT = PROJECT_ROOT / "staticfiles"
_NODE_MODULES = PROJECT_ROOT / "node_modules"
STATICFILES_DIRS = [
    PROJECT_ROOT / "static",
    ("neuroglancer", NEUROGLANCER_CLIENT),
    *[
        (name, _NODE_MODULES / folder)
        for name, folder in (("tabler", "@tabler/core/dist"), ("swagger-ui", "swagger-ui-dist"))
        if (_NODE_MODULES / folder).is_dir()
    ],
]
MEDIA_ROOT = DATA_DIR / "files"
if ENVIRONMENT.s3_bucket:
    _FILES = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": ENVIRONMENT.s3_bucket,
            "endpoint_url": ENVIRONMENT.s3_endpoint_url or None,
            "region_name": ENVIRONMENT.s3_region or None,
            "access_key": ENVIRONMENT.s3_access_key_id or None,
            "secret_key": ENVIRONMENT.s3_secret_access_key or None,
            "querystring_auth": True,
            "file_overwrite": True,
        },
    }
else:
    _FILES = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
STORAGES = {
    "default": _FILES,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

MAX_READ_BYTES = ENVIRONMENT.max_read_mib * 1024**2
VOXEL_CACHE_BYTES = ENVIRONMENT.voxel_cache_mib * 1024**2
UPLOAD_LIFETIME = timedelta(days=ENVIRONMENT.upload_expiry_days)
UPLOAD_MAX_FILES = ENVIRONMENT.upload_max_files
UPLOAD_MAX_BYTES = int(ENVIRONMENT.upload_max_gib * 1024**3)
SCAN_INTERVAL = timedelta(minutes=ENVIRONMENT.scan_interval_minutes)
APPLY_DISK_CHANGES = ENVIRONMENT.apply_disk_changes

# Mail, API, logging -----------------------------------------------------------------------------

globals().update(email_from_url(ENVIRONMENT.email_url, data_dir=DATA_DIR))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENVIRONMENT.email_from

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "sharing.api.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["sharing.api.parsers.BoundedJsonParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "sharing.api.errors.as_messages",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "WEBKNOSSOS-compatible dataset API",
    "VERSION": "16",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "sharing.api.schema.with_common_problems",
    ],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "webknossos_site.logs.WithoutSecrets",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": ENVIRONMENT.log_level},
    "loggers": {
        "axes": {"level": "ERROR"},
        # What recurs every half minute, and the broker's host, which a folder has not got.
        **{
            name: {"level": "DEBUG" if ENVIRONMENT.log_level == "DEBUG" else "ERROR"}
            for name in (
                "celery.beat",
                "celery.worker.strategy",
                "celery.app.trace",
                "kombu.connection",
            )
        },
    },
}
