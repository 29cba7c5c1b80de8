"""People in the admin: roles, teams, tokens, and whether they may sign in.

People get an account by an invitation and are deactivated, never deleted: their datasets, links and
jobs keep saying whose they are.
"""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from sharing.models import ApiToken, User
from sharing.services import people
from sharing.tasks import send_password_reset

from .actions import for_each
from .attempts import unlock
from .display import list_link, moment
from .memberships import SavesMemberships, TeamsOfPerson
from .scoped import OrganizationScopedAdmin, ScopedRelatedFilter, acting
from .tokens import TokensOfPerson

_ROLES = ("is_admin", "is_dataset_manager")
_OPERATING = ("is_staff", "is_superuser")


@admin.register(User)
class UserAdmin(SavesMemberships, OrganizationScopedAdmin):
    """People. Only superusers make staff and superusers."""

    allowed = frozenset({"view", "change"})
    fieldsets = (
        (None, {"fields": ("email", "first_name", "last_name", "organization")}),
        ("Roles in the organization", {"fields": _ROLES}),
        ("Activity", {"fields": ("is_active", "created", "last_login", "last_activity")}),
    )
    readonly_fields = ("is_active", "created", "last_login", "last_activity")
    inlines = (TeamsOfPerson, TokensOfPerson)
    list_display = (
        *("email", "full_name", "organization", *_ROLES, "team_names", "tokens"),
        *("is_active", "active"),
    )
    list_filter = (
        *("is_active", *_ROLES, "is_staff"),
        ("organization", ScopedRelatedFilter),
    )
    list_select_related = ("organization",)
    search_fields = ("email", "first_name", "last_name", "=id")
    date_hierarchy = "created"
    ordering = ("last_name", "first_name", "email")
    actions = ("deactivate", "reactivate", "unlock_sign_in", "mail_password_link")

    def scope_to(self, rows: QuerySet[User], organization_id: str) -> QuerySet[User]:
        """Staff see no superuser."""
        return rows.filter(organization=organization_id, is_superuser=False)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """People with what the list shows."""
        usable = Q(api_tokens__in=ApiToken.objects.usable().values("pk"))
        rows: QuerySet[User] = (
            super()
            .get_queryset(request)
            .prefetch_related("teams")
            .annotate(token_count=Count("api_tokens", filter=usable, distinct=True))
        )
        return rows

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Who may enter the admin is shown to superusers, and theirs to say."""
        viewer: Any = request.user
        own = tuple(super().get_fieldsets(request, obj))
        operating = ("Operating the site", {"fields": _OPERATING})
        return (*own, operating) if viewer.is_superuser else own

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Staff change no login; superusers can't shut themselves out."""
        viewer: Any = request.user
        fields = tuple(super().get_readonly_fields(request, obj))
        if not viewer.is_superuser:
            return (*fields, "email")
        return (*fields, *_OPERATING) if obj == viewer else fields

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Roles go through their service; the rest is saved as it stands."""
        changed = set(form.changed_data)
        if changed & set(_ROLES):
            people.change_roles(
                actor=acting(request),
                user=obj,
                is_admin=obj.is_admin,
                is_dataset_manager=obj.is_dataset_manager,
            )
        plain = changed - set(_ROLES)
        if plain:
            obj.save(update_fields=plain)

    @admin.display(description="Name", ordering="last_name")
    def full_name(self, row: User) -> str:
        """First and last name."""
        return f"{row.first_name} {row.last_name}".strip()

    @admin.display(description="Last active", ordering="last_activity")
    def active(self, row: User) -> SafeString | str:
        """How long ago they were last here."""
        return moment(row.last_activity)

    @admin.display(description="Teams")
    def team_names(self, row: User) -> str:
        """The teams beyond the default one."""
        return ", ".join(team.name for team in row.teams.all() if not team.is_default)

    @admin.display(description="Tokens", ordering="token_count")
    def tokens(self, row: User) -> SafeString:
        """How many working tokens, linked to all of them."""
        return list_link(ApiToken, row.token_count, q=row.email)  # type: ignore[attr-defined]

    @admin.action(description="Deactivate")
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Sessions and tokens stop working at once."""

        def deed(user: User) -> str:
            people.deactivate(actor=acting(request), user=user)
            return f"{user} is deactivated: no sign-in, and tokens and sessions stopped working."

        for_each(self, request, queryset, deed)

    @admin.action(description="Reactivate")
    def reactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """With the roles, teams and tokens they had."""

        def deed(user: User) -> str:
            people.reactivate(actor=acting(request), user=user)
            return f"{user} may sign in again."

        for_each(self, request, queryset, deed)

    @admin.action(description="Unlock sign-in")
    def unlock_sign_in(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Forget the failed sign-ins."""

        def deed(user: User) -> str:
            had = unlock(user.email)
            return f"{user} may try again." if had else f"{user} was not locked out."

        for_each(self, request, queryset, deed)

    @admin.action(description="Mail a link for a new password")
    def mail_password_link(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """As if they had asked for it on the sign-in page."""

        def deed(user: User) -> str:
            send_password_reset.delay(user.email)
            return f"{user} gets a mail with a link for a new password."

        for_each(self, request, queryset.filter(is_active=True), deed)
