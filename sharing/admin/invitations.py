"""Invitations in the admin: how people get an account."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sharing.models import Invitation
from sharing.services import invitations

from .actions import for_each
from .display import badge
from .scoped import OrganizationScopedAdmin, ScopedRelatedFilter, acting


@admin.register(Invitation)
class InvitationAdmin(OrganizationScopedAdmin):
    """Invitations: made here, then only sent again or revoked."""

    allowed = frozenset({"view", "add"})
    shown_people = ("invited_by",)
    fields = ("organization", "email", "teams", "is_admin", "is_dataset_manager")
    autocomplete_fields = ("organization", "teams")
    list_display = (
        *("email", "organization", "state", "is_admin", "is_dataset_manager"),
        *("invited_by", "created", "expires"),
    )
    list_filter = (
        ("accepted", admin.EmptyFieldListFilter),
        ("revoked", admin.EmptyFieldListFilter),
        ("organization", ScopedRelatedFilter),
    )
    list_select_related = ("organization",)
    search_fields = ("email",)
    date_hierarchy = "created"
    ordering = ("-created",)
    actions = ("send_again", "revoke")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What became of it stands on the page of one that was sent."""
        if obj is None:
            return self.fields
        sent = ("state", "invited_by", "created", "expires", "accepted", "revoked")
        return (*self.fields, *sent)

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        """Send it; the form's row itself is not what is stored."""
        data = form.cleaned_data
        made, link = invitations.invite(
            actor=acting(request),
            organization=data["organization"],
            email=data["email"],
            teams=data["teams"],
            is_admin=data["is_admin"],
            is_dataset_manager=data["is_dataset_manager"],
        )
        obj.__dict__.update(made.__dict__)
        _show_link(request, made, link)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The teams are stored by then."""

    @admin.display(description="State")
    def state(self, row: Invitation) -> SafeString:
        """Whether somebody accepted it, and whether its link still works."""
        if row.accepted:
            return badge("good", "accepted")
        if row.revoked:
            return badge("off", "revoked")
        if row.expires <= timezone.now():
            return badge("bad", "expired")
        return badge("busy", "waits")

    @admin.action(description="Send again, with a new link")
    def send_again(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        """New links; the old ones stop working."""

        def deed(invitation: Invitation) -> str:
            link = invitations.resend(actor=acting(request), invitation=invitation)
            _show_link(request, invitation, link)
            return f"The invitation of {invitation.email} was sent again."

        for_each(self, request, queryset, deed)

    @admin.action(description="Revoke")
    def revoke(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        """Their links stop working."""

        def deed(invitation: Invitation) -> str:
            invitations.revoke(actor=acting(request), invitation=invitation)
            return f"The invitation of {invitation.email} is revoked."

        for_each(self, request, queryset, deed)


def _show_link(request: HttpRequest, invitation: Invitation, link: str) -> None:
    """Show the link this once, for sites without mail."""
    messages.info(
        request,
        format_html(
            "Mailed to {}. If no mail arrives, pass this link on yourself; it is shown only now: "
            '<a href="{}">{}</a>',
            invitation.email,
            link,
            link,
        ),
    )
