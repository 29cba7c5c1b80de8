"""Numbers of bytes are written in one way everywhere."""

import pytest

from sharing.sizes import readable_size


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (1 << 50, "1.0 PiB")],
)
def test_sizes_are_for_people(count: int, said: str) -> None:
    assert readable_size(count) == said
