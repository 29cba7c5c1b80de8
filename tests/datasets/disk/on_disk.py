"""Small datasets on disk, for the tests of scans."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from django.conf import settings

from datasets.properties import FILE_NAME
from sharing.models import Organization


def organization_directory(organization: Organization) -> Path:
    directory = Path(settings.BINARY_DATA_DIR) / organization.pk
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def write_mag(path: Path, size: int = 32) -> None:
    """A Zarr v2 array without chunks: all zero."""
    path.mkdir(parents=True)
    metadata = {
        "zarr_format": 2,
        "shape": [1, size, size, size],
        "chunks": [1, 32, 32, 32],
        "dtype": "|u1",
        "compressor": None,
        "filters": None,
        "order": "F",
        "fill_value": 0,
        "dimension_separator": ".",
    }
    (path / ".zarray").write_text(json.dumps(metadata))


def layer(name: str = "color", size: int = 32, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "category": "color",
        "boundingBox": {"topLeft": [0, 0, 0], "width": size, "height": size, "depth": size},
        "elementClass": "uint8",
        "dataFormat": "zarr",
        "mags": [{"mag": [1, 1, 1]}],
        **changes,
    }


def document(*layers: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"scale": [11, 11, 24], "dataLayers": list(layers) or [layer()], **changes}


def write_properties(directory: Path, *layers: dict[str, Any], **changes: Any) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    aside = directory / f".{FILE_NAME}"
    aside.write_text(json.dumps(document(*layers, **changes)))
    aside.replace(directory / FILE_NAME)


def write_dataset(organization: Organization, name: str, **changes: Any) -> Path:
    """A dataset with one layer of one mag and a properties file."""
    directory = organization_directory(organization) / name
    write_mag(directory / "color" / "1")
    write_properties(directory, **changes)
    return directory


def age(directory: Path, seconds: float = 3600) -> None:
    """Make the directory look as if nobody had touched it for that long."""
    then = time.time() - seconds
    for path in (directory, *directory.rglob("*")):
        os.utime(path, (then, then), follow_symlinks=False)


def remove(directory: Path) -> None:
    shutil.rmtree(directory)
