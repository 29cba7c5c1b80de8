"""Jobs in the admin: how far, how they ended, why and what to do; retried and cancelled here."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from conversion.models import Job
from conversion.services import jobs
from conversion.services.scans import request_scan
from sharing.admin.actions import for_each
from sharing.admin.display import NOTHING, badge, json_block, link_to, moment
from sharing.admin.scoped import (
    OrganizationScopedAdmin,
    ScopedRelatedFilter,
    acting,
    scoped_admin_of,
)
from sharing.errors import ServiceError
from sharing.models import Organization

from .conversions import order_conversion

LOG_LINES = 200
_BADGES = {
    Job.State.PENDING: "off",
    Job.State.STARTED: "busy",
    Job.State.SUCCESS: "good",
    Job.State.FAILURE: "bad",
    Job.State.CANCELLED: "off",
}


@admin.register(Job)
class JobAdmin(OrganizationScopedAdmin):
    """Jobs; their rows are written by workers alone."""

    allowed = frozenset({"view"})
    shown_people = ("owner",)
    fieldsets = (
        (
            None,
            {"fields": ("kind", "status", "progress", "cause", "advice", "dataset_link", "owner")},
        ),
        ("Log", {"fields": ("log",)}),
        (
            "Course",
            {
                "fields": (
                    *("created", "started", "ended", "duration", "attempts", "not_before"),
                    *("worker", "heartbeat", "lease_until", "cancel_requested", "notified"),
                )
            },
        ),
        (
            "Details",
            {"classes": ("collapse",), "fields": ("id", "organization", "given", "gave")},
        ),
    )
    list_display = (
        *("kind", "outcome", "organization", "progress", "dataset_link", "owner"),
        *("asked", "duration"),
    )
    list_filter = ("state", "kind", ("organization", ScopedRelatedFilter))
    list_select_related = ("organization", "dataset")
    search_fields = ("=id", "dataset__name", "dataset__directory_name", "=dataset__id", "cause")
    search_help_text = "A job's id, its dataset, or words of why it failed"
    date_hierarchy = "created"
    ordering = ("-created", "-id")
    actions = ("retry", "cancel")

    def get_urls(self) -> list[URLPattern]:
        """The table's addresses, and those of the buttons above the list."""
        scan = self.admin_site.admin_view(require_POST(self.scan))
        convert = self.admin_site.admin_view(partial(order_conversion, self.admin_site))
        return [
            path("scan/", scan, name="conversion_job_scan"),
            path("convert/", convert, name="conversion_job_convert"),
            *super().get_urls(),
        ]

    def scan(self, request: HttpRequest) -> HttpResponse:
        """Ask for a scan of every organization that this person operates."""
        organizations = scoped_admin_of(self.admin_site, Organization)
        assert organizations is not None  # noqa: S101 (it is registered)
        for organization in organizations.scope(request, Organization.objects.all()):
            try:
                job = request_scan(actor=acting(request), organization=organization)
            except ServiceError as error:
                messages.error(request, f"{organization}: {error}")
            else:
                sentence = format_html("A scan of {} waits: {}.", organization, link_to(job))
                messages.success(request, sentence)
        return HttpResponseRedirect(reverse("admin:conversion_job_changelist"))

    @admin.action(description="Retry")
    def retry(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Failed and cancelled jobs wait for a worker again."""

        def deed(job: Job) -> str:
            jobs.retry(actor=acting(request), job_id=job.pk)
            return f"{_name(job)} waits for a worker again."

        for_each(self, request, queryset, deed)

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Waiting jobs at once, running ones as soon as their worker notices."""

        def deed(job: Job) -> str:
            is_over = jobs.cancel(actor=acting(request), job_id=job.pk).is_final
            return f"{_name(job)} is cancelled." if is_over else f"{_name(job)} is asked to stop."

        for_each(self, request, queryset, deed)

    @admin.display(description="State", ordering="state")
    def status(self, row: Job) -> SafeString:
        """Where it stands; a running job whose worker was lost says so."""
        if row.cancel_requested and not row.is_final:
            return badge("busy", "being cancelled")
        now = timezone.now()
        if row.state == Job.State.STARTED and row.lease_until and row.lease_until < now:
            return badge("bad", "lost its worker")
        return badge(_BADGES[Job.State(row.state)], row.get_state_display())

    @admin.display(description="State", ordering="state")
    def outcome(self, row: Job) -> SafeString:
        """Where it stands and, where it failed, why."""
        return format_html('{}<div class="reason">{}</div>', self.status(row), row.cause)

    @admin.display(description="Progress", ordering="percentage")
    def progress(self, row: Job) -> SafeString | str:
        """The stage and how far it is."""
        if row.is_final or not row.stage:
            return row.message or NOTHING
        if row.percentage is None:
            return f"{row.stage} {row.news}".strip()
        return format_html(
            '{} <progress max="100" value="{}"></progress> {} % {}',
            row.stage,
            f"{row.percentage:.0f}",
            f"{row.percentage:.0f}",
            row.news,
        )

    @admin.display(description="Dataset", ordering="dataset__name")
    def dataset_link(self, row: Job) -> SafeString | str:
        """The dataset it is about."""
        return link_to(row.dataset)

    @admin.display(description="Attempts", ordering="attempt")
    def attempts(self, row: Job) -> str:
        """Which attempt it is, of how many."""
        return f"{row.attempt} of {row.max_attempts}"

    @admin.display(description="Asked for", ordering="created")
    def asked(self, row: Job) -> SafeString | str:
        """How long ago."""
        return moment(row.created)

    @admin.display(description="Took")
    def duration(self, row: Job) -> str:
        """From start to end, or until now."""
        if row.started is None or row.state == Job.State.PENDING:
            return NOTHING
        seconds = int(((row.ended or timezone.now()) - row.started).total_seconds())
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}"

    @admin.display(description="Log")
    def log(self, row: Job) -> SafeString | str:
        """The last lines, oldest first."""
        newest = list(row.log_lines.order_by("-pk")[: LOG_LINES + 1])
        lines = [
            (
                "problem" if line.is_problem else "plain",
                f"{line.at:%Y-%m-%d %H:%M:%S}",
                line.text,
            )
            for line in reversed(newest[:LOG_LINES])
        ]
        if not lines:
            return NOTHING
        left_out = "Only the last lines are shown." if len(newest) > LOG_LINES else ""
        rows = format_html_join("", '<tr class="{}"><td>{}</td><td>{}</td></tr>', lines)
        return format_html('<table class="log">{}</table>{}', rows, left_out)

    @admin.display(description="Arguments")
    def given(self, row: Job) -> Any:
        """What it was started with."""
        return json_block(row.arguments)

    @admin.display(description="Result")
    def gave(self, row: Job) -> Any:
        """What came out."""
        return json_block(row.result)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Jobs without what the list does not show."""
        return super().get_queryset(request).defer("arguments", "result")


def _name(job: Job) -> str:
    about = job.dataset or job.organization
    return f"'{job.get_kind_display()}' of {about}" if about else f"'{job.get_kind_display()}'"
