"""Mails that the mail server has not taken yet, and what it said."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from sharing.models import WaitingMail

from .scoped import OrganizationScopedAdmin, ScopedRelatedFilter


@admin.register(WaitingMail)
class WaitingMailAdmin(OrganizationScopedAdmin):
    """Mails that are tried again by themselves. What they say is for their reader alone."""

    organization_path = "user__organization"
    allowed = frozenset({"view"})
    fields = ("subject", "user", "created", "tries", "due", "problem")
    list_display = ("subject", "user", "created", "tries", "due", "problem")
    list_filter = (("user__organization", ScopedRelatedFilter),)
    list_select_related = ("user",)
    search_fields = ("user__email", "subject", "problem")
    date_hierarchy = "created"
    ordering = ("due", "pk")

    def scope_to(self, rows: QuerySet[WaitingMail], organization_id: str) -> QuerySet[WaitingMail]:
        """Staff see no mail to a superuser."""
        return rows.filter(user__organization=organization_id, user__is_superuser=False)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WaitingMail]:
        """Mails without what they say."""
        rows: QuerySet[WaitingMail] = super().get_queryset(request)
        return rows.defer("text", "html", "picture")
