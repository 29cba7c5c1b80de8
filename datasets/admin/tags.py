"""Tags in the admin."""

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from datasets.models import Dataset, Tag
from sharing.admin.display import list_link
from sharing.admin.scoped import OrganizationScopedAdmin, ScopedRelatedFilter


@admin.register(Tag)
class TagAdmin(OrganizationScopedAdmin):
    """The words that organizations put on datasets."""

    fields = ("organization", "name")
    autocomplete_fields = ("organization",)
    list_display = ("name", "organization", "datasets")
    list_filter = (("organization", ScopedRelatedFilter),)
    list_select_related = ("organization",)
    search_fields = ("name",)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        """Tags with the number that the list shows."""
        rows: QuerySet[Tag] = (
            super().get_queryset(request).annotate(dataset_count=Count("datasets"))
        )
        return rows

    @admin.display(description="Datasets", ordering="dataset_count")
    def datasets(self, row: Tag) -> SafeString:
        """How many datasets, linked to them."""
        return list_link(Dataset, row.dataset_count, tags__id__exact=row.pk)  # type: ignore[attr-defined]
