"""The operator's workplace: Django's admin under the site's name."""

from django.contrib import admin


class OperatorSite(admin.AdminSite):
    """Superusers see everything; staff see the rows of their own organization."""

    site_title = "WEBKNOSSOS operation"
    site_header = "WEBKNOSSOS operation"
    index_title = "What runs here"
