"""The whole site as a process, for tests that meet it from outside."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.live.stores import own_stores
from tests.live.waiting import free_port, until

ROOT = Path(__file__).resolve().parents[2]


class Demo:
    """A running demonstration over a data directory, with more settings where they are given.

    Without any it is as a newcomer starts it: on SQLite, with the embedded broker.
    """

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self._log = data_dir.parent / f"demo-{self.port}.log"
        outside = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
        }
        self._environment = {
            **outside,
            **settings,
            "DATA_DIR": str(data_dir),
            "PORT": str(self.port),
        }
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "demo"],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            until(lambda: "Ready:" in self.output() or self.process.poll() is not None, 240)
        except pytest.fail.Exception:
            self.stop(signal.SIGTERM)
            raise
        assert self.process.poll() is None, self.output()

    def output(self) -> str:
        return self._log.read_text()

    @property
    def sign_in(self) -> dict[str, str]:
        content: dict[str, str] = json.loads((self.data_dir / "demo.json").read_text())
        return content

    def manage(self, *arguments: str) -> str:
        """What one of the site's commands prints."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@contextlib.contextmanager
def running_demo(folder: Path, **settings: str) -> Iterator[Demo]:
    """A demonstration below a folder, on the kinds of stores that the suite runs on."""
    with own_stores(folder) as stores:
        demo = Demo(folder / "var", **stores, **settings)
        try:
            yield demo
        finally:
            if demo.process.poll() is None:
                demo.stop(signal.SIGTERM)


def processes_of(data_dir: Path) -> list[str]:
    """The command lines of the processes that were started over this data directory."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if f"DATA_DIR={data_dir}".encode() in environment and command:
            found.append(command)
    return found


def datasets(demo: Demo, api: requests.Session) -> dict[str, dict[str, Any]]:
    answer = api.get(f"http://localhost:{demo.port}/api/datasets")
    return {dataset["name"]: dataset for dataset in answer.json()}
