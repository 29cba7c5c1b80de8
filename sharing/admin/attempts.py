"""Failed sign-ins: who is locked out, and how an operator lets them in again."""

from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from sharing.models import User

from .actions import for_each
from .display import badge
from .scoped import OrganizationScopedAdmin


def unlock(address: str) -> int:
    """Forget the failed sign-ins of this e-mail address; how many entries there were.

    Attempts hold the address in lower case (sharing.throttling).
    """
    return int(reset(username=address.lower()))


@admin.register(AccessAttempt)
class AccessAttemptAdmin(OrganizationScopedAdmin):
    """Failed sign-ins, one row per address, place and browser. Staff see their people's only."""

    organization_path = "username"
    allowed = frozenset({"view"})
    fields = ("username", "ip_address", "failures_since_start", "is_locked", "attempt_time")
    list_display = fields
    list_filter = ("attempt_time",)
    search_fields = ("username", "=ip_address")
    date_hierarchy = "attempt_time"
    ordering = ("-attempt_time",)
    actions = ("let_in",)

    def scope_to(
        self, rows: QuerySet[AccessAttempt], organization_id: str
    ) -> QuerySet[AccessAttempt]:
        """Attempts to sign in as somebody of the organization."""
        people = User.objects.filter(organization=organization_id, is_superuser=False)
        return rows.filter(username__in=people.values("email"))

    @admin.display(description="Locked out")
    def is_locked(self, row: AccessAttempt) -> SafeString:
        """Whether the next try is refused, whatever the password."""
        is_recent = row.attempt_time > timezone.now() - settings.AXES_COOLOFF_TIME
        if is_recent and row.failures_since_start >= settings.AXES_FAILURE_LIMIT:
            return badge("bad", f"until {row.attempt_time + settings.AXES_COOLOFF_TIME:%H:%M}")
        return badge("good", "no")

    @admin.action(description="Unlock: let them try again")
    def let_in(self, request: HttpRequest, queryset: QuerySet[AccessAttempt]) -> None:
        """Forget the failed sign-ins."""

        def deed(attempt: AccessAttempt) -> str:
            unlock(attempt.username or "")
            return f"{attempt.username} may try to sign in again."

        for_each(self, request, list(queryset), deed)
