"""The access generation: a number that all processes share and that every change of access raises.

Decisions about who may read what are cached in each process together with the generation they were
made in; a cached decision of an older generation is worth nothing. Reading it must therefore be
cheaper than deciding: it is eight bytes of a memory-mapped file below the data directory, or, where
REDIS_URL is set (several machines), a Redis counter.
"""

import fcntl
import mmap
import os
import struct
import threading
from functools import cache
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.db import transaction

_COUNTER = struct.Struct("<Q")


class Counter(Protocol):
    """A number shared by all processes."""

    def read(self) -> int:
        """The current generation."""
        ...

    def bump(self) -> None:
        """Make every cached decision worthless, in all processes."""
        ...


class MappedCounter:
    """A counter in a memory-mapped file, for all processes of one machine."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._descriptor).st_size < _COUNTER.size:
            os.ftruncate(self._descriptor, _COUNTER.size)
        self._map = mmap.mmap(self._descriptor, _COUNTER.size)
        self._lock = threading.Lock()

    def read(self) -> int:
        """The current generation; an aligned load of eight bytes, so never half-written."""
        return int(_COUNTER.unpack_from(self._map)[0])

    def bump(self) -> None:
        """Add one, under a lock that holds between threads and between processes."""
        with self._lock:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                _COUNTER.pack_into(self._map, 0, self.read() + 1)
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)


class RedisCounter:
    """A counter in Redis, for processes on several machines."""

    def __init__(self, url: str, *, site: str) -> None:
        import redis

        self._redis = redis.Redis.from_url(url)
        self._key = f"webknossos:access-generation:{site}"

    def read(self) -> int:
        """The current generation; raises where Redis is away, so that nothing stale is served."""
        return int(self._redis.get(self._key) or 0)

    def bump(self) -> None:
        """Add one."""
        self._redis.incr(self._key)


@cache
def counter() -> Counter:
    """This process's handle on the shared generation."""
    if settings.ENVIRONMENT.redis_url:
        # Several sites may share a Redis, but no database.
        site = str(settings.DATABASES["default"]["NAME"])
        return RedisCounter(settings.ENVIRONMENT.redis_url, site=site)
    return MappedCounter(settings.RUN_DIR / "access-generation")


def current() -> int:
    """The current access generation."""
    return counter().read()


def bump_on_commit() -> None:
    """Raise the generation once the running transaction has committed."""
    transaction.on_commit(lambda: counter().bump())
