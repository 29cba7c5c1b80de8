"""What every test may use: the real sample files, and people and data made by small factories."""

from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "samples"


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real sample files; tests skip where it is absent."""
    if not SAMPLES.is_dir():
        pytest.skip(f"no real sample files at {SAMPLES}")
    return SAMPLES
