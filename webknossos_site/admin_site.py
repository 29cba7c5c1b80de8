"""The operator's workplace: Django's admin under the site's name, behind the site's sign-in."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import URLPattern, URLResolver, reverse
from django.utils.http import url_has_allowed_host_and_scheme

_ORDER = ("datasets", "conversion", "sharing", "axes")


class OperatorSite(admin.AdminSite):
    """Superusers see everything; staff see the rows of their own organization."""

    site_title = "WEBKNOSSOS operation"
    site_header = "WEBKNOSSOS operation"
    index_title = "What runs here"
    index_template = "admin/overview.html"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the person enters: superusers, and staff that a superuser made."""
        user: Any = request.user
        return bool(user.is_active and (user.is_staff or user.is_superuser))

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send people to the site's own sign-in, which counts wrong passwords.

        Who is signed in and comes here all the same may not enter.
        """
        back = request.GET.get("next", "")
        if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
            back = resolve_url("admin:index")
        if not request.user.is_authenticated:
            return redirect_to_login(back, resolve_url(settings.LOGIN_URL))
        if self.has_permission(request):
            return HttpResponseRedirect(back)
        raise PermissionDenied("Only operators of this site enter here.")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Sign out as everywhere on the site."""
        return LogoutView.as_view()(request)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Passwords are changed on the site's own page."""
        return HttpResponseRedirect(reverse("sharing:change-password"))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The first page: what an operator asks first, then the tables."""
        from conversion.admin.overview import overview_for  # it needs the tables to be loaded

        operator: Any = request.user
        context = {"overview": overview_for(operator), **(extra_context or {})}
        return super().index(request, context)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The tables as an operator looks for them; failed sign-ins are about people."""
        apps = super().get_app_list(request, app_label)
        for app in apps:
            if app["app_label"] == "axes":
                app["name"] = "Sign-in"
                for table in app["models"]:
                    table["name"] = "Failed sign-ins"
        return sorted(apps, key=lambda app: _ORDER.index(app["app_label"]))

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Django's addresses without the one that leads from any id to any row's page."""
        return [url for url in super().get_urls() if getattr(url, "name", "") != "view_on_site"]
