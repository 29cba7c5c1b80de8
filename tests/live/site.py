"""The whole site as a process, for tests that meet it from outside."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port that stays free until a server takes it: below those that connections get."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    pytest.fail("no free port was found")


def until(condition: Callable[[], Any], seconds: float = 180) -> Any:
    """The condition's first true value; fails the test where there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.2)
    pytest.fail(f"not reached within {seconds} s: {condition}")


class Demo:
    """A running demonstration over a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self._log = data_dir.parent / f"demo-{self.port}.log"
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
        }
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "demo"],
                cwd=ROOT,
                env={**environment, "DATA_DIR": str(data_dir), "PORT": str(self.port)},
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

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


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
