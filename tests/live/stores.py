"""A database and a Redis of a site's own, where the suite runs on PostgreSQL and Redis.

Sites that shared them would take each other's jobs.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
import redis
from psycopg.sql import SQL, Identifier

from tests.live.waiting import free_port, until


@contextlib.contextmanager
def own_stores(folder: Path) -> Iterator[dict[str, str]]:
    """The settings that lead a site to stores of its own; none where the suite runs on SQLite.

    `folder` keeps what Redis writes.
    """
    server = os.environ.get("DATABASE_URL")
    if not server:
        yield {}
        return
    with _database(server) as database_url, _redis(folder) as redis_url:
        yield {"DATABASE_URL": database_url, "REDIS_URL": redis_url}


@contextlib.contextmanager
def _database(server: str) -> Iterator[str]:
    """A new database beside that of the URL."""
    name = f"webknossos_live_{uuid4().hex}"
    parts = urlsplit(server)
    maintenance = parts._replace(path="/postgres").geturl()
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    try:
        yield parts._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@contextlib.contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """A Redis process; the test is skipped where there is no program for it."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    options = ("--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder))
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port) as client:
            until(lambda: process.poll() is not None or _answers(client), 30)
        assert process.poll() is None, f"redis-server ended with code {process.returncode}"
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(30)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
