"""Organizations in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.safestring import SafeString

from sharing.models import Organization, Team, User
from sharing.services.organizations import create_organization
from sharing.sizes import readable_size

from .display import list_link
from .scoped import OrganizationScopedAdmin


@admin.register(Organization)
class OrganizationAdmin(OrganizationScopedAdmin):
    """Organizations: only superusers make them; their data on disk outlives any click here."""

    organization_path = "pk"
    allowed = frozenset({"view", "add", "change"})
    fields = ("id", "name", "included_storage_bytes", "quota", "people", "teams", "created")
    list_display = ("name", "id", "people", "teams", "quota", "created")
    search_fields = ("name", "id")
    date_hierarchy = "created"
    ordering = ("name",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Staff belong to one organization and found no other."""
        user: Any = request.user
        return bool(user.is_superuser) and super().has_add_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The id is a directory's name; staff don't raise their own quota."""
        user: Any = request.user
        shown = ("quota", "people", "teams", "created")
        if obj is None:
            return shown
        return (*shown, "id") if user.is_superuser else (*shown, "id", "included_storage_bytes")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        """Organizations with the numbers that the list shows."""
        rows: QuerySet[Organization] = (
            super()
            .get_queryset(request)
            .annotate(people_count=_count_of(User), team_count=_count_of(Team))
        )
        return rows

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        """A new organization gets what belongs to it: its default team."""
        if change:
            super().save_model(request, obj, form, change)
            return
        made = create_organization(organization_id=obj.pk, name=obj.name)
        made.included_storage_bytes = obj.included_storage_bytes
        made.save(update_fields=["included_storage_bytes"])

    @admin.display(description="People", ordering="people_count")
    def people(self, row: Organization) -> SafeString:
        """How many people, linked to them."""
        return list_link(User, row.people_count, organization__id__exact=row.pk)  # type: ignore[attr-defined]

    @admin.display(description="Teams", ordering="team_count")
    def teams(self, row: Organization) -> SafeString:
        """How many teams, linked to them."""
        return list_link(Team, row.team_count, organization__id__exact=row.pk)  # type: ignore[attr-defined]

    @admin.display(description="Quota", ordering="included_storage_bytes")
    def quota(self, row: Organization) -> str:
        """The quota as a person reads it."""
        size = row.included_storage_bytes
        return "unlimited" if size is None else readable_size(size)


def _count_of(model: Any) -> Coalesce:
    """How many rows of `model` an organization has; a subquery, since joins would multiply."""
    counted = (
        model.objects.filter(organization=OuterRef("pk"))
        .order_by()
        .values("organization")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return Coalesce(Subquery(counted), 0)
