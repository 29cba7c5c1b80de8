"""A data directory of its own for each test."""

from pathlib import Path
from typing import Any

import pytest

from sharing.models import Organization
from tests.factories import make_organization


@pytest.fixture(autouse=True)
def binary_data(tmp_path: Path, settings: Any) -> Path:
    settings.BINARY_DATA_DIR = tmp_path / "binaryData"
    settings.BINARY_DATA_DIR.mkdir()
    settings.ALLOWED_DATA_PATHS = []
    settings.APPLY_DISK_CHANGES = False
    return settings.BINARY_DATA_DIR


@pytest.fixture
def lab(db: None) -> Organization:
    return make_organization()
