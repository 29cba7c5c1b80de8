"""What an edit through the API may change of a stored data source.

People and scripts send whole data sources; only what is theirs to say is taken from them. Where
the bytes lie and how they are encoded stays as stored.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from datasets.properties.geometry import BoundingBox
from datasets.properties.model import Attachment, Attachments, DataSource, Layer
from datasets.properties.record import JsonObject

TAKEN_FROM_EDIT = (
    "category",
    "coordinate_transformations",
    "largest_segment_id",
)
# View settings that the public library does not know, and so leaves out of what it sends back.
_UNKNOWN_TO_LIBRARY = {"gammaCorrectionValue", "selectiveSegmentVisibility"}
# Where the public library writes what it knows of a mag while the layer has none.
_STRAY_BOX_KEYS = {"axisOrder", "channelIndex"}


class RefusedEdit(ValueError):
    """An edit that asks for more than an edit may change; `str()` of it is for the person."""


class AttachmentRenaming(NamedTuple):
    """`layer_name` is the one after layers were renamed, `kind` as in JSON, like `meshes`."""

    layer_name: str
    kind: str
    old_name: str
    new_name: str


def merge(
    stored: DataSource,
    edit: DataSource | None,
    layer_renamings: Mapping[str, str] | None = None,
    attachment_renamings: Sequence[AttachmentRenaming] = (),
) -> DataSource:
    """The stored data source with the edit applied, layer by layer name.

    Renamings come first; without an edit they are all. Layers, mags and attachments that the edit
    lacks are removed; a new layer comes without mags and attachments. Raises RefusedEdit. The
    outcome is yet to be validated.
    """
    renamed = renamed_source(stored, layer_renamings or {}, attachment_renamings)
    if edit is None:
        return renamed
    taken: dict[str, object] = {"voxel_size": edit.voxel_size}
    if "default_view_configuration" in edit.model_fields_set:
        taken["default_view_configuration"] = _merged_view(renamed, edit)
    layers = tuple(_merged_layer(renamed.layer(layer.name), layer) for layer in edit.layers)
    return renamed.model_copy(update={**taken, "layers": layers})


def renamed_source(
    stored: DataSource,
    layer_renamings: Mapping[str, str],
    attachment_renamings: Sequence[AttachmentRenaming] = (),
) -> DataSource:
    """The stored data source under new names; all data stays where it lies. Raises RefusedEdit."""
    renamed = _with_renamed_layers(stored, layer_renamings)
    return _with_renamed_attachments(renamed, attachment_renamings)


def _merged_layer(stored: Layer | None, edit: Layer) -> Layer:
    bounding_box = _without_stray_keys(edit.bounding_box)
    if stored is None:
        if edit.mags or edit.attachments.by_kind():
            raise RefusedEdit(
                f"The new layer {edit.name!r} may not bring mags or attachments; add it without "
                "them, then add each of them."
            )
        return edit.model_copy(update={"bounding_box": bounding_box})
    kept_mags = {properties.mag for properties in edit.mags}
    taken = {name: getattr(edit, name) for name in TAKEN_FROM_EDIT}
    taken["default_view_configuration"] = _merged_view(stored, edit)
    # The public Python library does not know these settings and would erase them; of color layers
    # it does not know the attachments either.
    if "admin_view_configuration" in edit.model_fields_set:
        taken["admin_view_configuration"] = edit.admin_view_configuration
    if stored.is_segmentation or "attachments" in edit.model_fields_set:
        taken["attachments"] = _without_removed(stored.attachments, edit.attachments)
    return stored.model_copy(
        update={
            **taken,
            "bounding_box": bounding_box,
            "mags": tuple(mag for mag in stored.mags if mag.mag in kept_mags),
        }
    )


def _merged_view(stored: Layer | DataSource, edit: Layer | DataSource) -> JsonObject:
    view = edit.default_view_configuration
    if not view and "default_view_configuration" in edit.model_fields_set:
        return {}  # cleared by name
    before = stored.default_view_configuration
    return {key: before[key] for key in _UNKNOWN_TO_LIBRARY & before.keys()} | view


def _without_stray_keys(box: BoundingBox) -> BoundingBox:
    extra = box.model_extra or {}
    if not _STRAY_BOX_KEYS & extra.keys():
        return box
    kept = {key: value for key, value in extra.items() if key not in _STRAY_BOX_KEYS}
    return BoundingBox.model_validate(
        {**box.model_dump(include=set(type(box).model_fields)), **kept}
    )


def _without_removed(stored: Attachments, edit: Attachments) -> Attachments:
    kept = {
        (kind, attachment.name)
        for kind, attachments in edit.by_kind().items()
        for attachment in attachments
    }
    return stored.replaced(lambda kind, found: found if (kind, found.name) in kept else None)


def _with_renamed_layers(stored: DataSource, renamings: Mapping[str, str]) -> DataSource:
    names = [layer.name for layer in stored.layers]
    for name in renamings:
        if name not in names:
            raise RefusedEdit(f"There is no layer {name!r} to rename.")
    new_names = [renamings.get(name, name) for name in names]
    if len(set(new_names)) < len(set(names)):
        raise RefusedEdit("After renaming, two layers would have one name; choose another name.")
    layers = tuple(layer.renamed(renamings.get(layer.name, layer.name)) for layer in stored.layers)
    return stored.model_copy(update={"layers": layers})


def _with_renamed_attachments(
    stored: DataSource, renamings: Sequence[AttachmentRenaming]
) -> DataSource:
    layers = {layer.name: layer for layer in stored.layers}
    for layer_name, kind, old_name, new_name in renamings:
        layer = layers.get(layer_name)
        names = [a.name for a in layer.attachments.by_kind().get(kind, ())] if layer else []
        if layer is None or old_name not in names:
            raise RefusedEdit(f"Layer {layer_name!r} has no {kind} {old_name!r} to rename.")
        if new_name != old_name and new_name in names:
            raise RefusedEdit(f"Layer {layer_name!r} has {kind} {new_name!r} already.")
        layers[layer_name] = layer.model_copy(
            update={"attachments": _renamed_attachment(layer.attachments, kind, old_name, new_name)}
        )
    return stored.model_copy(update={"layers": tuple(layers.values())})


def _renamed_attachment(stored: Attachments, kind: str, old: str, new: str) -> Attachments:
    def rename(kind_found: str, found: Attachment) -> Attachment:
        if (kind_found, found.name) != (kind, old):
            return found
        return found.model_copy(update={"name": new})

    return stored.replaced(rename)
