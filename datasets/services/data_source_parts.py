"""Adds a mag or an attachment to a layer of a data source; nothing is stored."""

from typing import TypeVar

from pydantic.alias_generators import to_snake

from datasets.properties import Attachment, DataSource, Layer, MagProperties
from sharing.errors import Conflict, Invalid, NotFound

# The API's name of an attachment's type, and the key under which its kind stands in the JSON.
ATTACHMENT_KINDS = {
    "mesh": "meshes",
    "agglomerate": "agglomerates",
    "connectome": "connectomes",
    "segmentIndex": "segmentIndex",
    "segmentStatistics": "segmentStatistics",
    "cumsum": "cumsum",
}

Named = TypeVar("Named")


def kind_of(attachment_type: str) -> str:
    """The kind in the JSON; raises Invalid for a type that there is not."""
    try:
        return ATTACHMENT_KINDS[attachment_type]
    except KeyError:
        known = ", ".join(ATTACHMENT_KINDS)
        raise Invalid(
            f"There is no attachment type {attachment_type!r}; use one of {known}."
        ) from None


def type_of(kind: str) -> str:
    """The API's name for attachments of this kind."""
    return next((name for name, each in ATTACHMENT_KINDS.items() if each == kind), kind)


def layer_named(data_source: DataSource, name: str) -> Layer:
    """The layer; raises NotFound."""
    layer = data_source.layer(name)
    if layer is None:
        raise NotFound(f"The dataset has no layer '{name}'.")
    return layer


def with_layer(data_source: DataSource, layer: Layer) -> DataSource:
    """With one layer more, at the end; raises Conflict where its name is taken."""
    if data_source.layer(layer.name) is not None:
        raise Conflict(f"There is already a layer '{layer.name}'. Choose another name.")
    return data_source.model_copy(update={"layers": (*data_source.layers, layer)})


def with_mag(data_source: DataSource, layer_name: str, mag: MagProperties) -> DataSource:
    """With one mag more; raises NotFound without the layer, Conflict where it has the mag."""
    layer = layer_named(data_source, layer_name)
    if any(existing.mag == mag.mag for existing in layer.mags):
        raise Conflict(f"Layer '{layer_name}' already has mag {mag.mag.literal}.")
    mags = sorted((*layer.mags, mag), key=lambda mag: (max(mag.mag), *mag.mag))
    return _replaced(data_source, layer.model_copy(update={"mags": tuple(mags)}))


def with_attachment(
    data_source: DataSource, layer_name: str, kind: str, attachment: Attachment
) -> DataSource:
    """With one attachment more; raises NotFound without the layer, Conflict where it is taken."""
    layer = layer_named(data_source, layer_name)
    existing = layer.attachments.by_kind().get(kind, ())
    field = to_snake(kind)
    is_list = isinstance(getattr(layer.attachments, field), tuple)
    for found in existing:
        if not is_list or found.name == attachment.name:
            raise Conflict(f"Layer '{layer_name}' already has {kind} '{found.name}'.")
    value = (*existing, attachment) if is_list else attachment
    attachments = layer.attachments.model_copy(update={field: value})
    return _replaced(data_source, layer.model_copy(update={"attachments": attachments}))


def _replaced(data_source: DataSource, layer: Layer) -> DataSource:
    layers = tuple(layer if each.name == layer.name else each for each in data_source.layers)
    return data_source.model_copy(update={"layers": layers})
