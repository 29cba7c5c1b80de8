"""Who is in which team, as rows on the pages of people and of teams.

The rows are changed through the services of teams, never saved directly.
"""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest

from sharing.models import TeamMembership
from sharing.services import teams

from .scoped import OrganizationScopedInline, acting


class MembershipForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in stubs only
    """A membership: who and which team is said once, whether as manager can change."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in {"team", "user"} & self.fields.keys():
                self.fields[name].disabled = True


class _MembershipInline(OrganizationScopedInline):
    model = TeamMembership
    form = MembershipForm
    organization_path = "team__organization"

    def scope_to(
        self, rows: QuerySet[TeamMembership], organization_id: str
    ) -> QuerySet[TeamMembership]:
        """Staff see no superuser, in teams neither."""
        return rows.filter(team__organization=organization_id, user__is_superuser=False)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TeamMembership]:
        """With what each row shows."""
        return super().get_queryset(request).select_related("team", "user")


class TeamsOfPerson(_MembershipInline):
    """The teams of a person."""

    fields = ("team", "is_manager")
    autocomplete_fields = ("team",)
    verbose_name = "team"
    verbose_name_plural = "teams"


class MembersOfTeam(_MembershipInline):
    """The members of a team."""

    fields = ("user", "is_manager")
    autocomplete_fields = ("user",)
    verbose_name = "member"
    verbose_name_plural = "members"


class SavesMemberships:
    """For tables with one of these inlines: saves them through the services."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Add, remove and promote; a refusal rolls back the whole page (scoped.py)."""
        if formset.model is not TeamMembership:
            super().save_formset(request, form, formset, change)  # type: ignore[misc]
            return
        actor = acting(request)
        formset.save(commit=False)
        for row in formset.deleted_objects:
            teams.remove_member(actor=actor, team=row.team, user=row.user)
        for row in formset.new_objects:
            teams.add_member(actor=actor, team=row.team, user=row.user, is_manager=row.is_manager)
        for row, _ in formset.changed_objects:
            teams.set_manager(actor=actor, team=row.team, user=row.user, is_manager=row.is_manager)
