"""Work that dies at each moment in turn."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

CHANGES = ("rename", "mkdir", "rmdir", "unlink")


def killed_everywhere(monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]) -> Iterator[int]:
    """Run the work again and again, killed before its first, second ... change of the disk."""
    for last in range(1, 100):
        changes = 0

        def dying(change: Callable[..., Any], last: int = last) -> Callable[..., Any]:
            def counted(*arguments: Any, **keywords: Any) -> Any:
                nonlocal changes
                changes += 1
                if changes == last:
                    raise KeyboardInterrupt
                return change(*arguments, **keywords)

            return counted

        with monkeypatch.context() as patch:
            for name in CHANGES:
                patch.setattr(os, name, dying(getattr(os, name)))
            try:
                work()
            except KeyboardInterrupt:
                pass
            else:
                assert last > 2
                return
        yield last
    raise AssertionError("the work never came to its end")
