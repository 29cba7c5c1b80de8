"""Turns a layer of a data source into table rows and back, without loss.

What has no column stays, under the place it has in the JSON, in `extra_properties`.
"""

from collections.abc import Collection, Iterable
from typing import Any

from datasets import properties
from datasets.models import Attachment, Dataset, Layer, Mag

JsonObject = dict[str, Any]

_ATTACHMENT_LISTS = ("meshes", "agglomerates", "connectomes")
_ATTACHMENT_SINGLES = ("segmentIndex", "segmentStatistics", "cumsum")


class LayerRows:
    """The rows of one layer, not yet saved."""

    def __init__(
        self,
        dataset: Dataset,
        position: int,
        layer: properties.Layer,
        credential_ids: Collection[str],
    ) -> None:
        document = layer.to_json()
        mags = document.pop("mags", [])
        attachments = document.pop("attachments", {})
        self.layer = _layer_row(dataset, position, document)
        self.attachments = [
            _attachment_row(self.layer, kind, entry)
            for kind in (*_ATTACHMENT_LISTS, *_ATTACHMENT_SINGLES)
            for entry in _as_list(attachments.pop(kind, []))
        ]
        if attachments:
            self.layer.extra_properties["attachments"] = attachments
        self.mags = [_mag_row(self.layer, entry, credential_ids) for entry in mags]


def scale_of(dataset: Dataset) -> JsonObject:
    """The dataset's voxel size as it stands in the JSON."""
    return {"factor": list(dataset.voxel_size or ()), "unit": dataset.voxel_size_unit}


def layer_document(layer: Layer, mags: Iterable[Mag], attachments: Iterable[Attachment]) -> Any:
    """The layer as it stands in the JSON."""
    document: JsonObject = {
        **layer.extra_properties,
        "name": layer.name,
        "category": layer.category,
        "boundingBox": {
            **layer.extra_properties.get("boundingBox", {}),
            "topLeft": [layer.min_x, layer.min_y, layer.min_z],
            "width": layer.width,
            "height": layer.height,
            "depth": layer.depth,
        },
        "elementClass": layer.element_class,
        "dataFormat": layer.data_format,
        "mags": [_mag_document(mag) for mag in mags],
        "numChannels": layer.num_channels,
        "additionalAxes": layer.additional_axes,
        "coordinateTransformations": layer.coordinate_transformations,
        "defaultViewConfiguration": layer.default_view_configuration,
        "largestSegmentId": layer.largest_segment_id,
        "mappings": layer.mappings,
        "attachments": _attachments_document(layer, attachments),
    }
    if layer.admin_view_configuration is not None:
        document["adminViewConfiguration"] = layer.admin_view_configuration
    return document


def _layer_row(dataset: Dataset, position: int, document: JsonObject) -> Layer:
    box = document.pop("boundingBox")
    min_x, min_y, min_z = box.pop("topLeft")
    row = Layer(
        dataset=dataset,
        position=position,
        name=document.pop("name"),
        category=document.pop("category"),
        element_class=document.pop("elementClass"),
        data_format=document.pop("dataFormat"),
        num_channels=document.pop("numChannels", None),
        min_x=min_x,
        min_y=min_y,
        min_z=min_z,
        width=box.pop("width"),
        height=box.pop("height"),
        depth=box.pop("depth"),
        largest_segment_id=document.pop("largestSegmentId", None),
        additional_axes=document.pop("additionalAxes", []),
        coordinate_transformations=document.pop("coordinateTransformations", []),
        mappings=document.pop("mappings", []),
        default_view_configuration=document.pop("defaultViewConfiguration", None),
        admin_view_configuration=document.pop("adminViewConfiguration", None),
    )
    row.extra_properties = {**document, **({"boundingBox": box} if box else {})}
    return row


def _mag_row(layer: Layer, document: JsonObject, credential_ids: Collection[str]) -> Mag:
    x, y, z = document.pop("mag")
    row = Mag(
        layer=layer,
        x=x,
        y=y,
        z=z,
        path=document.pop("path", ""),
        cube_length=document.pop("cubeLength", None),
        axis_order=document.pop("axisOrder", None),
        channel_index=document.pop("channelIndex", None),
    )
    # A credential that the organization does not have is kept as said, and is used for nothing.
    if document.get("credentialId") in credential_ids:
        row.credential_id = document.pop("credentialId")
    row.extra_properties = document
    return row


def _mag_document(mag: Mag) -> JsonObject:
    document: JsonObject = {
        **mag.extra_properties,
        "mag": [mag.x, mag.y, mag.z],
        "path": mag.path or None,
        "cubeLength": mag.cube_length,
        "axisOrder": mag.axis_order,
        "channelIndex": mag.channel_index,
    }
    if mag.credential_id:
        document["credentialId"] = mag.credential_id
    return document


def _attachment_row(layer: Layer, kind: str, document: JsonObject) -> Attachment:
    return Attachment(
        layer=layer,
        kind=kind,
        name=document.pop("name"),
        path=document.pop("path"),
        data_format=document.pop("dataFormat"),
        extra_properties=document,
    )


def _attachments_document(layer: Layer, attachments: Iterable[Attachment]) -> JsonObject:
    documents: JsonObject = dict(layer.extra_properties.get("attachments", {}))
    for row in attachments:
        document = {
            **row.extra_properties,
            "name": row.name,
            "path": row.path,
            "dataFormat": row.data_format,
        }
        if row.kind in _ATTACHMENT_LISTS:
            documents.setdefault(row.kind, []).append(document)
        else:
            documents[row.kind] = document
    return documents


def _as_list(value: Any) -> list[JsonObject]:
    return value if isinstance(value, list) else [value]
