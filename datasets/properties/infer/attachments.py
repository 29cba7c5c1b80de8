"""Attachments that lie in a layer's folder, such as `meshes/cells.hdf5`, declared or not."""

from datasets.properties.infer.folder import Folder
from datasets.properties.model import Attachment, AttachmentDataFormat, Layer

CUMSUM = "cumsum.json"  # lies beside the agglomerates


def with_found_attachments(layer: Layer, folder: Folder) -> Layer:
    """The layer with the attachments in its folder added to those that it declares.

    Declared ones win over found ones of the same kind and name.
    """
    declared = layer.attachments
    changed = declared.model_copy(
        update={
            "meshes": _merged(declared.meshes, folder.child("meshes")),
            "agglomerates": _merged(declared.agglomerates, folder.child("agglomerates")),
            "connectomes": _merged(declared.connectomes, folder.child("connectomes")),
            "segment_index": declared.segment_index or _first(folder.child("segmentIndex")),
            "segment_statistics": declared.segment_statistics
            or _first(folder.child("segmentStatistics")),
            "cumsum": declared.cumsum or _cumsum(folder.child("agglomerates")),
        }
    )
    return layer.model_copy(update={"attachments": changed})


def _merged(declared: tuple[Attachment, ...], folder: Folder) -> tuple[Attachment, ...]:
    names = {attachment.name for attachment in declared}
    return declared + tuple(found for found in _attachments(folder) if found.name not in names)


def _first(folder: Folder) -> Attachment | None:
    return next(iter(_attachments(folder)), None)


def _attachments(folder: Folder) -> list[Attachment]:
    hdf5 = AttachmentDataFormat.HDF5
    return [
        Attachment(name=stem, path=f"{folder.relative}/{name}", data_format=hdf5)
        for name in folder.file_names()
        if (stem := name.removesuffix(".hdf5")) != name
    ]


def _cumsum(folder: Folder) -> Attachment | None:
    if CUMSUM not in folder.file_names():
        return None
    path = f"{folder.relative}/{CUMSUM}"
    return Attachment(name="cumsum", path=path, data_format=AttachmentDataFormat.JSON)
