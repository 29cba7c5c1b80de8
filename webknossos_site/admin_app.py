"""The site's own flavour of Django's admin."""

from django.contrib.admin import apps


class AdminConfig(apps.AdminConfig):
    """Django's admin with the site in webknossos_site.admin_site."""

    default_site = "webknossos_site.admin_site.OperatorSite"
