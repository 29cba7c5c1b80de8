"""Datasets in the admin: what they are, whether they can be used and why not, who may see them.

What `datasource-properties.json` says is shown, not edited: the disk is the truth. Datasets are not
deleted here, since their data stays on disk and the next scan would find them again.
"""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from datasets.models import Dataset, Layer, Mag
from datasets.services.audience import READ_DATASET
from datasets.services.audience_report import who_can_see
from datasets.services.disk_changes import reload_dataset
from datasets.templatetags.quantities import voxel_size
from datasets.views.advice import advice_for
from sharing.admin.actions import for_each
from sharing.admin.display import NOTHING, badge, json_block, list_link, moment
from sharing.admin.scoped import OrganizationScopedAdmin, ScopedRelatedFilter, acting
from sharing.models import SharingLink

from .grants import GrantsForm, GrantsTeams
from .layers import LayersOfDataset
from .paths import PathsChangeList, path_of

_HAS_MAG_PROBLEM = Exists(Mag.objects.filter(layer__dataset=OuterRef("pk")).exclude(problem=""))


class ConditionFilter(admin.SimpleListFilter):
    """By what an operator has to do about a dataset."""

    title = "condition"
    parameter_name = "condition"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The conditions, worst first."""
        return [
            ("problem", "with a problem"),
            ("error", "broken on disk"),
            ("missing", "no longer there"),
            ("import", "not imported yet"),
            ("mags", "with mags that can't be read"),
            ("pending", "a change on disk waits"),
            ("usable", "can be used"),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Dataset]
    ) -> QuerySet[Dataset] | None:
        """The datasets in the chosen condition."""
        match self.value():
            case "problem":
                return queryset.exclude(status="")
            case "error":
                return queryset.filter(status__startswith="Error")
            case "missing":
                return queryset.filter(status=Dataset.Status.NO_LONGER_AVAILABLE)
            case "import":
                return queryset.filter(status=Dataset.Status.NOT_IMPORTED)
            case "mags":
                return queryset.filter(_HAS_MAG_PROBLEM)
            case "pending":
                return queryset.exclude(pending_hash="")
            case "usable":
                return queryset.filter(status="")
        return queryset


class DatasetsChangeList(PathsChangeList):
    """The list of datasets."""

    folder_field = "folder_id"


@admin.register(Dataset)
class DatasetAdmin(GrantsTeams, OrganizationScopedAdmin):
    """Datasets with their layers and mags."""

    allowed = frozenset({"view", "change"})
    form = GrantsForm
    read_permission = READ_DATASET
    shown_people = ("uploader",)
    inlines = (LayersOfDataset,)
    fieldsets = (
        (
            None,
            {"fields": ("name", "description", "folder", "tags", "sorting_key", "metadata_shown")},
        ),
        ("Who may see it", {"fields": ("is_public", "teams", "audience", "links")}),
        (
            "State",
            {"fields": ("condition", "advice", "pending", "seen", "version", "work")},
        ),
        (
            "Where it comes from",
            {
                "fields": (
                    *("id", "organization", "directory_name", "voxel_size_text", "created"),
                    *("creation_type", "uploader", "is_virtual", "unknown_keys", "broken_file"),
                )
            },
        ),
    )
    readonly_fields = (
        "metadata_shown",
        *("audience", "links", "condition", "advice", "pending", "seen", "version", "work"),
        *("id", "directory_name", "voxel_size_text", "created", "creation_type", "uploader"),
        *("is_virtual", "unknown_keys", "broken_file"),
    )
    autocomplete_fields = ("folder", "tags")
    list_display = (
        *("name", "condition", "organization", "folder_path", "layer_total", "voxel_size_text"),
        *("teams_granted", "is_public", "seen", "created"),
    )
    list_filter = (
        ConditionFilter,
        "is_public",
        ("organization", ScopedRelatedFilter),
        ("tags", ScopedRelatedFilter),
    )
    list_select_related = ("organization__disk_scan",)
    search_fields = ("name", "directory_name", "description", "tags__name", "=id")
    search_help_text = "Name, directory, description, tag or id"
    date_hierarchy = "created"
    ordering = ("-created", "-id")
    actions = ("reload",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dataset]:
        """Datasets with what the list shows."""
        layers = Layer.objects.filter(dataset=OuterRef("pk")).order_by().values("dataset")
        rows: QuerySet[Dataset] = (
            super()
            .get_queryset(request)
            .annotate(
                layer_count=Coalesce(Subquery(layers.annotate(n=Count("pk")).values("n")), 0),
                team_count=Count("audience", distinct=True),
                has_mag_problem=_HAS_MAG_PROBLEM,
            )
        )
        return rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PathsChangeList]:
        """A list that knows its datasets' folders."""
        return DatasetsChangeList

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        """The page on which people look at it."""
        if obj is None:
            return None
        return reverse("datasets:view" if obj.is_active else "datasets:status", args=[obj])

    @admin.display(description="Folder", ordering="folder__name")
    def folder_path(self, row: Dataset) -> str:
        """The folder with those above it."""
        return path_of(row, row.folder_id)

    @admin.display(description="Condition", ordering="status")
    def condition(self, row: Dataset) -> SafeString:
        """A word for it, and the sentence that says why it can't be used."""
        badges = [_state(row)]
        if row.has_mag_problem:  # type: ignore[attr-defined]
            badges.append(badge("bad", "mags can't be read"))
        if row.pending_hash:
            badges.append(badge("busy", "change on disk waits"))
        if row.job_stage:
            badges.append(badge("busy", row.job_stage))
        words = format_html_join(" ", "{}", ((each,) for each in badges))
        return format_html('{}<div class="reason">{}</div>', words, row.status)

    @admin.display(description="Metadata")
    def metadata_shown(self, row: Dataset) -> SafeString | str:
        """Keys and values; edited on the dataset's own page."""
        return json_block(row.metadata)

    @admin.display(description="What to do")
    def advice(self, row: Dataset) -> str:
        """What an operator does about the status."""
        if row.status:
            return advice_for(row)
        if row.pending_hash:
            return "Its page shows the difference; apply or dismiss it there."
        return NOTHING

    @admin.display(description="Layers", ordering="layer_count")
    def layer_total(self, row: Dataset) -> int:
        """How many layers it has."""
        return int(row.layer_count)  # type: ignore[attr-defined]

    @admin.display(description="Voxel size")
    def voxel_size_text(self, row: Dataset) -> str:
        """The voxel size with its unit."""
        return voxel_size(row) or NOTHING

    @admin.display(description="Teams", ordering="team_count")
    def teams_granted(self, row: Dataset) -> int:
        """How many teams read it, by its own grants and its folders'."""
        return int(row.team_count)  # type: ignore[attr-defined]

    @admin.display(description="Who sees it, and why")
    def audience(self, row: Dataset) -> SafeString:
        """Groups and reasons; the names stand on the dataset's own page."""
        entries = ((entry.who, entry.why) for entry in who_can_see(row))
        return format_html("<ul>{}</ul>", format_html_join("", "<li><b>{}</b>: {}</li>", entries))

    @admin.display(description="Sharing links")
    def links(self, row: Dataset) -> SafeString:
        """How many open it now, linked to them."""
        count = SharingLink.objects.to(row).usable().count()
        return list_link(SharingLink, f"{count} in use", q=row.pk)

    @admin.display(description="Waiting change")
    def pending(self, row: Dataset) -> SafeString | str:
        """What the properties file on disk says now, where nobody has applied it yet."""
        return json_block(row.pending_properties)

    @admin.display(description="Last seen on disk", ordering="last_seen")
    def seen(self, row: Dataset) -> SafeString | str:
        """By the last scan that found it: the last one, unless it has gone missing since."""
        scan = getattr(row.organization, "disk_scan", None)
        return moment(row.last_seen if row.is_unreported or scan is None else scan.finished)

    @admin.display(description="Work on it")
    def work(self, row: Dataset) -> str:
        """What a job does with it now."""
        if not row.job_stage:
            return NOTHING
        share = "" if row.job_percentage is None else f", {row.job_percentage:.0f} %"
        return f"{row.job_stage}{share}: {row.job_message}"

    @admin.display(description="Unknown keys")
    def unknown_keys(self, row: Dataset) -> SafeString | str:
        """What the properties file says beyond what this site knows."""
        return json_block(row.extra_properties)

    @admin.display(description="Properties file as last seen broken")
    def broken_file(self, row: Dataset) -> SafeString | str:
        """The text of a file that could not be read."""
        if not row.raw_properties:
            return NOTHING
        return format_html('<pre class="block">{}</pre>', row.raw_properties)

    @admin.action(description="Reload from disk")
    def reload(self, request: HttpRequest, queryset: QuerySet[Dataset]) -> None:
        """Look at each directory now, and read everything anew."""

        def deed(dataset: Dataset) -> str:
            reload_dataset(actor=acting(request), dataset=dataset)
            return f"{dataset} was read anew. {dataset.status or 'It can be used.'}"

        for_each(self, request, queryset, deed)


def _state(dataset: Dataset) -> SafeString:
    if not dataset.status:
        return badge("good", "usable")
    if dataset.status == Dataset.Status.NOT_IMPORTED:
        return badge("busy", "not imported")
    return badge("off", "missing") if dataset.is_unreported else badge("bad", "broken")
