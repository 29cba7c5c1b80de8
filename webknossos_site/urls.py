"""Which app answers which address."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("sharing.urls")),
    path("", include("datasets.urls")),
    path("", include("conversion.urls")),
]
