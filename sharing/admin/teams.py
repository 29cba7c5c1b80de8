"""Teams in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from sharing.models import Team, User
from sharing.services.teams import delete_team

from .display import list_link
from .memberships import MembersOfTeam, SavesMemberships
from .scoped import OrganizationScopedAdmin, ScopedRelatedFilter, acting


@admin.register(Team)
class TeamAdmin(SavesMemberships, OrganizationScopedAdmin):
    """Teams with their members."""

    fields = ("organization", "name", "is_default", "created")
    readonly_fields = ("is_default", "created")
    autocomplete_fields = ("organization",)
    inlines = (MembersOfTeam,)
    list_display = ("name", "organization", "members", "managers", "is_default", "created")
    list_filter = ("is_default", ("organization", ScopedRelatedFilter))
    list_select_related = ("organization",)
    search_fields = ("name", "=id")
    date_hierarchy = "created"
    ordering = ("organization", "-is_default", "name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        """Teams with the numbers that the list shows."""
        own = self._visible_members(request)
        rows: QuerySet[Team] = (
            super()
            .get_queryset(request)
            .annotate(
                member_count=Count("memberships", filter=own),
                manager_count=Count("memberships", filter=own & Q(memberships__is_manager=True)),
            )
        )
        return rows

    def has_delete_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:
        """The default team is there to stay: everybody of the organization is in it."""
        is_default = obj is not None and isinstance(obj, Team) and obj.is_default
        return not is_default and super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: Team) -> None:
        """Delete the team with its grants."""
        delete_team(actor=acting(request), team=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Team]) -> None:
        """Delete the chosen teams with their grants."""
        for team in queryset:
            self.delete_model(request, team)

    @admin.display(description="Members", ordering="member_count")
    def members(self, row: Team) -> SafeString:
        """How many people, linked to them."""
        return list_link(User, row.member_count, teams__id__exact=row.pk)  # type: ignore[attr-defined]

    @admin.display(description="Managers", ordering="manager_count")
    def managers(self, row: Team) -> int:
        """How many of them manage it."""
        return int(row.manager_count)  # type: ignore[attr-defined]

    @staticmethod
    def _visible_members(request: HttpRequest) -> Q:
        user: Any = request.user
        return Q() if user.is_superuser else Q(memberships__user__is_superuser=False)
