"""Which app answers which address.

The API and the data routes stand under every version that the public library knows, and without
one; data routes also with a token in the path, for programs that lose a query (Neuroglancer).
"""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView

from . import views
from .api import BuildInfoView, FeaturesView, HealthView, TracingStoreView

_VERSION = r"(?:v(?P<api_version>1[3-6])/)?"
_TOKEN = r"(?:t/(?P<token>[A-Za-z0-9_.:\-]+)/)?"  # noqa: S105 (a pattern, no secret)

api: list[URLPattern | URLResolver] = [
    path("buildinfo", BuildInfoView.as_view()),
    path("health", HealthView.as_view()),
    path("features", FeaturesView.as_view()),
    path("tracingstore", TracingStoreView.as_view()),
    path("schema", SpectacularJSONAPIView.as_view(), name="schema"),
    path("docs", views.api_docs, name="api-docs"),
    path("", include("sharing.api.urls")),
    path("", include("datasets.api.urls")),
    path("", include("conversion.api.job_urls")),
]

urlpatterns = [
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("admin/", admin.site.urls),
    re_path(rf"^api/{_VERSION}", include(api)),
    re_path(rf"^data/{_VERSION}", include("conversion.api.urls")),
    re_path(rf"^data/{_VERSION}{_TOKEN}", include("datasets.streaming.urls")),
    re_path(r"^(?:api|data)(?:/|$)", views.no_such_address),
    path("", include("sharing.urls")),
    path("", include("datasets.urls")),
    path("", include("conversion.urls")),
]
