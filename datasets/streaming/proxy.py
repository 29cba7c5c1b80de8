"""The stored bytes as they are: /data/datasets/<dataset>/proxy/...

Any file of a mag or attachment, with ranges, so that tools that know the format read it themselves.
"""

import os
from pathlib import Path

from datasets.properties import Mag, with_bigint_envelopes
from datasets.storage.local import dataset_directory, resolve
from datasets.streaming.answers import NOT_FOUND, Answer, json_answer
from datasets.streaming.catalog import ServedDataset, may_read_for
from datasets.streaming.requests import DataRequest
from datasets.voxels.array import StoredBytes
from datasets.voxels.mag_files import MagFiles

_FIRST_VERSION_WITH_BIGINTS = 15
_CONTENT_TYPES = {".json": "application/json", ".zarray": "application/json"}


def answer(request: DataRequest, dataset: ServedDataset, path: str) -> Answer:
    """The file at `path` below the dataset's proxy address."""
    match path.split("/", 4):
        case ["datasource-properties.json"]:
            return json_answer(_properties_document(request, dataset))
        case ["layers", layer, "mags", literal, key]:
            mag = dataset.layer(layer).mag(literal)
            files = dataset.remembered(("mag files", layer, literal), mag.files)
            return _file(dataset, files, key)
        case ["layers", layer, "attachments", kind, rest]:
            name, _, below = rest.partition("/")
            return _attachment(dataset, layer, kind, name, below)
    return NOT_FOUND


def _properties_document(request: DataRequest, dataset: ServedDataset) -> object:
    """The dataset's properties, with paths as they are below the proxy address."""
    document = dataset.data_source.to_json()
    for layer in document["dataLayers"]:
        for entry in layer["mags"]:
            literal = Mag.parse(entry["mag"]).literal
            entry["path"] = f"./layers/{layer['name']}/mags/{literal}"
            entry.pop("credentialId", None)
        for kind, found in layer.get("attachments", {}).items():
            for attachment in found if isinstance(found, list) else [found]:
                name = attachment["name"]
                attachment["path"] = f"./layers/{layer['name']}/attachments/{kind}/{name}"
                attachment.pop("credentialId", None)
    wants_envelopes = request.api_version >= _FIRST_VERSION_WITH_BIGINTS
    return with_bigint_envelopes(document) if wants_envelopes else document


def _attachment(dataset: ServedDataset, layer_name: str, kind: str, name: str, key: str) -> Answer:
    attachments = dataset.layer(layer_name).properties.attachments.by_kind().get(kind, ())
    for attachment in attachments:
        if attachment.name == name:
            target = resolve(dataset_directory(dataset.row), attachment.path)
            if key:
                return _file(dataset, MagFiles(target, may_read_for(dataset.row)), key)
            real = Path(os.path.realpath(target))
            return _file(dataset, MagFiles(real.parent), real.name)
    return NOT_FOUND


def _file(dataset: ServedDataset, files: MagFiles, key: str) -> Answer:
    """The regular file `key` among the files."""
    if "\0" in key or any(part in {"", ".", ".."} for part in key.split("/")):
        return NOT_FOUND
    if (files.directory / key).is_dir():
        return NOT_FOUND
    found = files.find(key)
    if found is None:
        return NOT_FOUND
    path, status = found
    return Answer(
        StoredBytes(path, 0, status.st_size),
        content_type=_CONTENT_TYPES.get(path.suffix or path.name, "application/octet-stream"),
        etag=f"{dataset.version}-{status.st_mtime_ns:x}-{status.st_size:x}",
    )
