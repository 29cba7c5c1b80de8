"""Layers, their mags and attachments: what the disk says, read-only.

Admin pages nest rows once only. So a dataset's page shows each layer with its mags in one cell, and
a layer has a page of its own, reached from there, with its mags and attachments as rows.
"""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from datasets.models import Attachment, Layer, Mag
from sharing.admin.display import NOTHING, badge, json_block, link_to
from sharing.admin.scoped import OrganizationScopedAdmin, ReadOnlyInline


class LayerColumns:
    """What lists and pages show of a layer beyond its plain columns."""

    @admin.display(description="Bounding box")
    def bounding_box(self, layer: Layer) -> str:
        """Corner and size in voxels of mag 1."""
        size = f"{layer.width} × {layer.height} × {layer.depth}"  # noqa: RUF001
        return f"{size} at {layer.min_x}, {layer.min_y}, {layer.min_z}"

    @admin.display(description="Mags")
    def mags(self, layer: Layer) -> SafeString | str:
        """Each mag with where it lies and what is wrong with it."""
        rows = [
            (
                mag.literal,
                mag.real_path or mag.path,
                badge("bad", mag.problem) if mag.problem else "",
            )
            for mag in layer.mags.all()
        ]
        lines = format_html_join("", "<li><b>{}</b> <code>{}</code> {}</li>", rows)
        return format_html('<ul class="mags">{}</ul>', lines) if rows else NOTHING


class LayersOfDataset(LayerColumns, ReadOnlyInline):
    """The layers of a dataset, each with its mags."""

    model = Layer
    organization_path = "dataset__organization"
    fields = ("name", "category", "element_class", "data_format", "bounding_box", "mags")
    readonly_fields = fields
    ordering = ("position",)
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Layer]:
        """Layers with their mags."""
        return super().get_queryset(request).prefetch_related("mags")


class MagsOfLayer(ReadOnlyInline):
    """The mags of a layer."""

    model = Mag
    organization_path = "layer__dataset__organization"
    fields = ("literal", "path", "real_path", "has_local_data", "state", "credential")
    readonly_fields = fields
    ordering = ("x", "y", "z")

    @admin.display(description="State")
    def state(self, mag: Mag) -> SafeString:
        """Whether the mag can be read, and why not."""
        return badge("bad", mag.problem) if mag.problem else badge("good", "ok")


class AttachmentsOfLayer(ReadOnlyInline):
    """The attachments of a layer."""

    model = Attachment
    organization_path = "layer__dataset__organization"
    fields = ("kind", "name", "path", "data_format")
    readonly_fields = fields


@admin.register(Layer)
class LayerAdmin(LayerColumns, OrganizationScopedAdmin):
    """One layer, reached from its dataset's page."""

    organization_path = "dataset__organization"
    allowed = frozenset({"view"})
    fields = (
        *("dataset_link", "name", "category", "element_class", "data_format", "bounding_box"),
        *("num_channels", "largest_segment_id", "axes", "transformations"),
        *("default_view", "admin_view", "unknown_keys"),
    )
    inlines = (MagsOfLayer, AttachmentsOfLayer)
    list_display = ("name", "dataset_link", "category", "element_class", "data_format")
    list_filter = ("category", "element_class", "data_format")
    list_select_related = ("dataset",)
    search_fields = ("name", "dataset__name", "dataset__directory_name", "=dataset__id")
    ordering = ("dataset", "position")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Not a table of its own on the index."""
        return False

    @admin.display(description="Dataset", ordering="dataset")
    def dataset_link(self, row: Layer) -> SafeString | str:
        """The dataset it belongs to."""
        return link_to(row.dataset)

    @admin.display(description="Additional axes")
    def axes(self, row: Layer) -> Any:
        """Axes beyond x, y, z and channel."""
        return json_block(row.additional_axes)

    @admin.display(description="Transformations")
    def transformations(self, row: Layer) -> Any:
        """How it is placed against the other layers."""
        return json_block(row.coordinate_transformations)

    @admin.display(description="View configuration of the properties file")
    def default_view(self, row: Layer) -> Any:
        """What the file says."""
        return json_block(row.default_view_configuration)

    @admin.display(description="View configuration saved in the browser")
    def admin_view(self, row: Layer) -> Any:
        """What wins over the file."""
        return json_block(row.admin_view_configuration)

    @admin.display(description="Unknown keys")
    def unknown_keys(self, row: Layer) -> Any:
        """What the file says beyond what this site knows."""
        return json_block(row.extra_properties)
