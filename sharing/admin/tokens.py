"""API tokens in the admin: seen and revoked here, made by people themselves.

A token acts as its person, so nobody makes one for somebody else.
"""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from sharing.models import ApiToken
from sharing.services.tokens import revoke_token

from .actions import for_each
from .display import badge, link_to
from .scoped import OrganizationScopedAdmin, ReadOnlyInline, ScopedRelatedFilter


def _visible_to_staff(rows: QuerySet[ApiToken], organization_id: str) -> QuerySet[ApiToken]:
    return rows.filter(user__organization=organization_id, user__is_superuser=False)


class TokenColumns:
    """What lists and pages show of a token beyond its plain columns."""

    @admin.display(description="State")
    def state(self, token: ApiToken) -> SafeString:
        """Whether the token works."""
        if token.revoked:
            return badge("off", "revoked")
        if token.expires and token.expires <= timezone.now():
            return badge("off", "expired")
        if not token.user.is_active:
            return badge("off", "person is deactivated")
        return badge("good", "works")


class TokensOfPerson(TokenColumns, ReadOnlyInline):
    """The tokens of a person."""

    model = ApiToken
    organization_path = "user__organization"
    fields = ("name", "prefix", "state", "created", "last_used", "expires")
    readonly_fields = fields
    show_change_link = True

    def scope_to(self, rows: QuerySet[ApiToken], organization_id: str) -> QuerySet[ApiToken]:
        """Staff see no token of a superuser."""
        return _visible_to_staff(rows, organization_id)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """Tokens with whom they act as."""
        return super().get_queryset(request).select_related("user")


@admin.register(ApiToken)
class ApiTokenAdmin(TokenColumns, OrganizationScopedAdmin):
    """Tokens: who has them, when they were last used, and an end to them."""

    organization_path = "user__organization"
    allowed = frozenset({"view"})
    fields = ("name", "person", "prefix", "state", "created", "last_used", "expires", "revoked")
    list_display = ("name", "prefix", "person", "state", "last_used", "created", "expires")
    list_filter = (
        ("revoked", admin.EmptyFieldListFilter),
        ("last_used", admin.EmptyFieldListFilter),
        ("user__organization", ScopedRelatedFilter),
    )
    list_select_related = ("user",)
    search_fields = ("name", "=prefix", "user__email", "user__first_name", "user__last_name")
    date_hierarchy = "created"
    ordering = ("-created",)
    actions = ("revoke",)

    def scope_to(self, rows: QuerySet[ApiToken], organization_id: str) -> QuerySet[ApiToken]:
        """Staff see no token of a superuser."""
        return _visible_to_staff(rows, organization_id)

    @admin.display(description="Person", ordering="user__last_name")
    def person(self, row: ApiToken) -> SafeString | str:
        """Whom the token acts as."""
        return link_to(row.user)

    @admin.action(description="Revoke")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """They stop working at once."""

        def deed(token: ApiToken) -> str:
            revoke_token(user=token.user, token_id=token.pk)
            return f"The token {token} of {token.user} is revoked."

        for_each(self, request, queryset, deed)
