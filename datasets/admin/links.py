"""Sharing links in the admin: what they open, who made them, and an end to them.

A link opens anything, and sharing knows no dataset; the links that exist open datasets, so their
table stands here. Tokens are never shown.
"""

from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.contrib.contenttypes.prefetch import GenericPrefetch
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from datasets.models import Dataset
from sharing.admin.actions import for_each
from sharing.admin.display import NOTHING, badge, link_to
from sharing.admin.scoped import OrganizationScopedAdmin
from sharing.models import SharingLink
from sharing.services.links import revoke_link


@admin.register(SharingLink)
class SharingLinkAdmin(OrganizationScopedAdmin):
    """Links: made and copied on their dataset's page, seen and revoked here."""

    organization_path = "object_id"
    allowed = frozenset({"view"})
    shown_people = ("created_by",)
    fields = ("name", "opens", "state", "created_by", "created", "expires", "revoked")
    list_display = ("name", "opens", "state", "created_by", "created", "expires")
    list_filter = (
        ("revoked", admin.EmptyFieldListFilter),
        ("expires", admin.EmptyFieldListFilter),
    )
    search_fields = ("name", "=object_id")
    search_help_text = "A link's name, or the id of what it opens"
    date_hierarchy = "created"
    ordering = ("-created",)
    actions = ("revoke",)

    def scope_to(self, rows: QuerySet[SharingLink], organization_id: str) -> QuerySet[SharingLink]:
        """The links that open a dataset of the organization."""
        return rows.filter(
            content_type=ContentType.objects.get_for_model(Dataset),
            object_id__in=Dataset.objects.of(organization_id).values("pk"),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[SharingLink]:
        """Links with what they open."""
        opened = GenericPrefetch("thing", [Dataset.objects.only("name")])
        return super().get_queryset(request).prefetch_related(opened)

    @admin.display(description="Opens")
    def opens(self, row: SharingLink) -> SafeString | str:
        """What whoever has the link may see."""
        return link_to(row.thing) if row.thing is not None else NOTHING

    @admin.display(description="State")
    def state(self, row: SharingLink) -> SafeString:
        """Whether the link opens anything now."""
        if row.revoked:
            return badge("off", "revoked")
        if row.expires and row.expires <= timezone.now():
            return badge("off", "expired")
        return badge("good", "works")

    @admin.action(description="Revoke")
    def revoke(self, request: HttpRequest, queryset: QuerySet[SharingLink]) -> None:
        """They open nothing from now on."""

        def deed(link: SharingLink) -> str:
            revoke_link(link=link)
            return f"The link '{link}' to '{link.thing}' is revoked."

        for_each(self, request, queryset, deed)
