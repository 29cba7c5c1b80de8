"""Uploads in the admin: who sends what, how far it is, and an end to it."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from conversion.models import Upload
from conversion.services.uploads import cancel_upload, chunks_of
from sharing.admin.actions import for_each
from sharing.admin.display import NOTHING, badge, json_block, link_to
from sharing.admin.scoped import OrganizationScopedAdmin, ScopedRelatedFilter
from sharing.errors import Conflict
from sharing.sizes import readable_size

_BADGES = {
    Upload.State.RESERVED: "busy",
    Upload.State.FINISHING: "busy",
    Upload.State.DONE: "good",
    Upload.State.FAILED: "bad",
    Upload.State.CANCELLED: "off",
}


@admin.register(Upload)
class UploadAdmin(OrganizationScopedAdmin):
    """Uploads; their rows are written by the people who send, and by workers."""

    allowed = frozenset({"view"})
    shown_people = ("owner",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("kind", "status", "message", "owner", "dataset_link", "job_link"),
                    *("announced_files", "announced", "received"),
                    *("created", "last_activity", "ended"),
                )
            },
        ),
        (
            "Details",
            {
                "classes": ("collapse",),
                "fields": ("upload_id", "id", "organization", "target", "place", "given"),
            },
        ),
    )
    list_display = (
        *("upload_id", "kind", "outcome", "organization", "owner", "dataset_link"),
        *("announced", "last_activity"),
    )
    list_filter = ("state", "kind", ("organization", ScopedRelatedFilter))
    list_select_related = ("organization", "dataset")
    search_fields = ("=upload_id", "dataset__name", "=dataset__id", "owner__email", "message")
    search_help_text = "An upload's id, its dataset, who sends it, or words of why it failed"
    date_hierarchy = "created"
    ordering = ("-created", "-id")
    actions = ("cancel",)

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Upload]) -> None:
        """Remove what was sent, and the datasets that they were to become."""

        def deed(upload: Upload) -> str:
            if not upload.is_live:
                raise Conflict("It has ended already.")
            cancel_upload(upload)
            return f"The upload {upload} is cancelled."

        for_each(self, request, queryset, deed)

    @admin.display(description="State", ordering="state")
    def status(self, row: Upload) -> SafeString:
        """Where it stands."""
        return badge(_BADGES[Upload.State(row.state)], row.get_state_display())

    @admin.display(description="State", ordering="state")
    def outcome(self, row: Upload) -> SafeString:
        """Where it stands and, where it failed, why."""
        return format_html('{}<div class="reason">{}</div>', self.status(row), row.message)

    @admin.display(description="Announced", ordering="announced_bytes")
    def announced(self, row: Upload) -> str:
        """How much is to come; it counts as used while the upload goes on."""
        return readable_size(row.announced_bytes)

    @admin.display(description="Received")
    def received(self, row: Upload) -> str:
        """How much of it is here."""
        if row.state != Upload.State.RESERVED:
            return NOTHING
        try:
            return readable_size(chunks_of(row).received_bytes())
        except OSError as error:
            return f"unknown: its files can't be read ({error.strerror})"

    @admin.display(description="Dataset", ordering="dataset__name")
    def dataset_link(self, row: Upload) -> SafeString | str:
        """The dataset that it makes or extends."""
        return link_to(row.dataset)

    @admin.display(description="Job")
    def job_link(self, row: Upload) -> SafeString | str:
        """The job that takes it in."""
        return link_to(row.job)

    @admin.display(description="Asked for")
    def given(self, row: Upload) -> SafeString | str:
        """What the client wants done with the files."""
        return json_block(row.parameters)
