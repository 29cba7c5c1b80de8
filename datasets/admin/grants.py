"""Which teams may read a thing, as a choice of several on its page.

Grants are django-guardian's rows; the admin shows them as teams and changes them through
sharing.grants, never row by row.
"""

from typing import Any

from django import forms
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.http import HttpRequest

from sharing.admin.scoped import OneOrganizationForm, scoped_admin_of
from sharing.grants import granted_teams, set_teams
from sharing.models import Team


class GrantsForm(OneOrganizationForm):
    """A form with the teams that were granted the thing itself."""

    teams = forms.ModelMultipleChoiceField(
        queryset=Team.objects.none(),
        required=False,
        widget=FilteredSelectMultiple("teams", is_stacked=False),
    )


class GrantsTeams:
    """For tables whose form is a GrantsForm: offers the organization's teams and stores them."""

    read_permission: str

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form with the teams that this person may choose and those that are granted."""
        form_class = super().get_form(request, obj, change=change, **kwargs)  # type: ignore[misc]
        if "teams" not in form_class.base_fields:
            return form_class
        choices = scoped_admin_of(self.admin_site, Team).scope(request, Team.objects.all())  # type: ignore[attr-defined, union-attr]
        field = form_class.base_fields["teams"]
        field.queryset = choices.filter(organization=obj.organization_id) if obj else choices
        if obj is not None:
            field.initial = granted_teams(obj, self.read_permission)
        return form_class

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Grant what was chosen."""
        super().save_related(request, form, formsets, change)  # type: ignore[misc]
        if "teams" in form.changed_data:
            set_teams(form.instance, self.read_permission, form.cleaned_data["teams"])
