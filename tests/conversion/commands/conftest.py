"""Nothing of a site is around commands on files."""

import pytest


@pytest.fixture(autouse=True)
def binary_data() -> None:
    """No data directory of a site."""
