"""Who sees and does what in the admin, decided in one place for every registered table.

Superusers see everything. Staff, whom only a superuser makes, see the rows of their own
organization and no superuser: in lists, pages, choices, filters, autocompletion and inlines alike.
Django's model permissions are not asked. What may be done to a row is decided by the services that
the admin calls.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.options import BaseModelAdmin
from django.db.models import Field, Model, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from sharing.access import Actor, actor_for
from sharing.errors import ServiceError
from sharing.models import User

SECRET_FIELDS = frozenset({"password", "digest", "encrypted_token", "encrypted_secret"})


def acting(request: HttpRequest) -> Actor:
    """The actor that services are called with: staff operate their organization as its admins."""
    return replace(actor_for(request.user), is_admin=True)


class OneOrganizationForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in stubs only
    """A form whose row may refer to rows of its own organization only."""

    def clean(self) -> dict[str, Any]:
        """Refuse what belongs to another organization, whoever asks."""
        cleaned = super().clean() or {}
        organization = cleaned.get("organization")
        own_id = organization.pk if organization else getattr(self.instance, "organization_id", "")
        if own_id:
            for name, value in list(cleaned.items()):
                for row in value if isinstance(value, QuerySet) else [value]:
                    if getattr(row, "organization_id", own_id) != own_id:
                        self.add_error(name, f"'{row}' belongs to another organization.")
        return cleaned


class OrganizationScoped(BaseModelAdmin):  # type: ignore[type-arg]  # likewise
    """What scoped tables and scoped inlines have in common.

    `organization_path` leads from a row to its organization, as in a filter; None keeps the table
    for superusers. `allowed` says what can be done here at all, by whomever. `shown_people` are the
    foreign keys to people that the pages show; staff find them empty where they name a superuser.
    """

    organization_path: ClassVar[str | None] = "organization"
    allowed: ClassVar[frozenset[str]] = frozenset({"view", "add", "change", "delete"})
    shown_people: ClassVar[Sequence[str]] = ()
    view_on_site: Any = False

    def scope(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """`rows` without those that are none of this person's business."""
        user: Any = request.user
        if user.is_superuser:
            return rows
        if self.organization_path is None or user.organization_id is None:
            return rows.none()
        return self.scope_to(rows, user.organization_id)

    def scope_to(self, rows: QuerySet[Any], organization_id: str) -> QuerySet[Any]:
        """The rows that staff of the organization may see."""
        return rows.filter(**{str(self.organization_path): organization_id})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows of every list and page; all of the admin's views start here."""
        rows = self.scope(request, super().get_queryset(request))
        people = self._scoped_rows(request, User) if self.shown_people else None
        return rows.prefetch_related(*(Prefetch(name, people) for name in self.shown_people))

    def get_field_queryset(
        self, db: str | None, db_field: "Field[Any, Any]", request: HttpRequest
    ) -> QuerySet[Any]:
        """What can be chosen for a relation: what its own table here would show."""
        return self._scoped_rows(request, db_field.related_model)

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        """A page deletes no row but its own."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and hasattr(field.widget, "can_delete_related"):
            field.widget.can_delete_related = False
        return field

    def _scoped_rows(self, request: HttpRequest, model: Any) -> QuerySet[Any]:
        related = scoped_admin_of(self.admin_site, model)
        if related is None:
            nothing: QuerySet[Any] = model._default_manager.none()
            return nothing
        rows = related.scope(request, related.model._default_manager.all())
        return rows.order_by(*related.get_ordering(request))

    def _may(self, request: HttpRequest, action: str, row: Model | None = None) -> bool:
        user: Any = request.user
        if action not in self.allowed or not user.is_active:
            return False
        if user.is_superuser:
            return True
        if not user.is_staff or self.organization_path is None:
            return False
        if not isinstance(row, self.model):  # no row yet, or the row that an inline stands on
            return True
        return self.scope(request, self.model._default_manager.filter(pk=row.pk)).exists()

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the index shows the table."""
        return self._may(request, "view")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the person may look at the row, or at the list."""
        return self._may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the person may add rows."""
        return self._may(request, "add", obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the person may change the row."""
        return self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the person may delete the row."""
        return self._may(request, "delete", obj)


class OrganizationScopedAdmin(OrganizationScoped, admin.ModelAdmin):  # type: ignore[type-arg]
    """A table of the admin. An organization is chosen when a row is made, and stays."""

    form = OneOrganizationForm
    list_per_page = 50
    empty_value_display = "–"  # noqa: RUF001 (a dash is what a reader expects of an empty cell)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """No row moves to another organization, whoever asks."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if obj is None else (*fields, "organization")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """New rows are for the person's own organization unless said otherwise."""
        user: Any = request.user
        own = {"organization": user.organization_id} if user.organization_id else {}
        return {**own, **super().get_changeform_initial_data(request)}

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """Staff need no column that is the same in every row."""
        user: Any = request.user
        columns = tuple(super().get_list_display(request))
        return columns if user.is_superuser else tuple(c for c in columns if c != "organization")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Nobody guesses a stored secret letter by letter with filters in the address."""
        if SECRET_FIELDS & set(lookup.split("__")):
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """What a deletion takes along, as numbers: rows of others in it are not named."""
        _, counts, forbidden, protected = super().get_deleted_objects(objs, request)
        return [str(row) for row in objs], counts, forbidden, protected

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Save, or say why a service refused; then nothing was saved."""
        return _or_say_why(super().changeform_view, request, *args, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Offer the list's actions on the row's own page too; they are sent to the list."""
        actions: dict[str, Any] = self.get_actions(request)
        context["row_actions"] = [
            (name, title) for name, (_, _, title) in actions.items() if name != "delete_selected"
        ]
        return super().render_change_form(request, context, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Delete, or say why a service refused."""
        return _or_say_why(super().delete_view, request, *args, **kwargs)


class OrganizationScopedInline(OrganizationScoped, admin.TabularInline):  # type: ignore[type-arg]
    """Rows on the page of the row they belong to."""

    extra = 0


class ReadOnlyInline(OrganizationScopedInline):
    """Rows that are only looked at."""

    allowed = frozenset({"view"})
    can_delete = False
    max_num = 0


class ScopedRelatedFilter(admin.RelatedFieldListFilter):
    """A filter by a relation that offers only what the person may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        """The choices: what the related table would show to this person."""
        rows = model_admin.get_field_queryset(None, field, request)
        return [(row.pk, str(row)) for row in rows]


def scoped_admin_of(site: admin.AdminSite, model: Any) -> OrganizationScopedAdmin | None:
    """The scoped table of `model`; None where it has none, and so is shown to nobody."""
    try:
        found = site.get_model_admin(model)
    except NotRegistered:
        return None
    return found if isinstance(found, OrganizationScopedAdmin) else None


def _or_say_why(view: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    try:
        response: HttpResponse = view(request, *args, **kwargs)
    except ServiceError as error:
        for message in error.messages:
            messages.error(request, message)
        return HttpResponseRedirect(request.get_full_path())
    return response
