"""The addresses of this app."""

from django.urls import URLPattern, URLResolver

app_name = "conversion"
urlpatterns: list[URLPattern | URLResolver] = []
