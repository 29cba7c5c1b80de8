"""Datasets that a script fills at paths that the site names, for the tests of that."""

from pathlib import Path
from typing import Any

from datasets.models import Dataset
from datasets.properties import DataSource
from datasets.services import paths
from sharing.access import Actor
from tests.datasets.disk import on_disk


def data_source(*layers: dict[str, Any], **changes: Any) -> DataSource:
    return DataSource.model_validate(on_disk.document(*layers, **changes))


def segmentation(**changes: Any) -> dict[str, Any]:
    meshes = [{"name": "small", "path": "anywhere", "dataFormat": "hdf5"}]
    return on_disk.layer(
        "cells", category="segmentation", attachments={"meshes": meshes}, **changes
    )


def reserve(actor: Actor, **changes: Any) -> tuple[Dataset, list[Path]]:
    """A reserved dataset and the paths of its mags."""
    dataset, reserved = paths.reserve_dataset(
        actor=actor, **{"name": "fresh", "data_source": data_source(), **changes}
    )
    return dataset, [Path(mag.path or "") for layer in reserved.layers for mag in layer.mags]


def finished(actor: Actor) -> Dataset:
    dataset, (path,) = reserve(actor)
    on_disk.write_mag(path)
    paths.finish_dataset(actor=actor, dataset=dataset)
    return dataset
