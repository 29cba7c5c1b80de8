"""Attachments that lie in the known subfolders of a layer, whether or not anybody declared them."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from datasets.properties import Attachment, AttachmentDataFormat, Attachments, DataSource, Layer

_LISTS = ("meshes", "agglomerates", "connectomes")
_SINGLES = {"segmentIndex": "segment_index", "segmentStatistics": "segment_statistics"}


def with_discovered(directory: Path, data_source: DataSource) -> DataSource:
    """The data source of the dataset in `directory` with the attachments that lie in its layers'
    folders. What is declared stays as declared.
    """
    layers = tuple(
        layer.model_copy(update={"attachments": _merged(directory, layer)})
        for layer in data_source.layers
    )
    return data_source.model_copy(update={"layers": layers})


def _merged(directory: Path, layer: Layer) -> Attachments:
    merged: dict[str, object] = {}
    for kind in _LISTS:
        declared: tuple[Attachment, ...] = getattr(layer.attachments, kind)
        names = {attachment.name for attachment in declared}
        paths = {os.path.normpath(attachment.path) for attachment in declared}
        added = [
            found
            for found in _in_folder(directory, f"{layer.name}/{kind}")
            if found.name not in names and found.path not in paths
        ]
        if added:
            merged[kind] = (*declared, *added)
    for folder, field in _SINGLES.items():
        first = next(_in_folder(directory, f"{layer.name}/{folder}"), None)
        if first is not None and getattr(layer.attachments, field) is None:
            merged[field] = first
    cumsum = f"{layer.name}/agglomerates/cumsum.json"
    if layer.attachments.cumsum is None and (directory / cumsum).is_file():
        merged["cumsum"] = Attachment(
            name="cumsum", path=cumsum, data_format=AttachmentDataFormat.JSON
        )
    return layer.attachments.model_copy(update=merged)


def _in_folder(directory: Path, folder: str) -> Iterator[Attachment]:
    """HDF5 files and Zarr v3 groups in the folder, by name."""
    names: list[str] = []
    with contextlib.suppress(OSError), os.scandir(directory / folder) as entries:
        names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    for name in names:
        path = directory / folder / name
        if name.endswith((".hdf5", ".h5")) and path.is_file():
            data_format, title = AttachmentDataFormat.HDF5, name.rsplit(".", 1)[0]
        elif (path / "zarr.json").is_file():
            data_format, title = AttachmentDataFormat.ZARR3, name
        else:
            continue
        with contextlib.suppress(UnicodeEncodeError):
            name.encode()
            yield Attachment(name=title, path=f"{folder}/{name}", data_format=data_format)
