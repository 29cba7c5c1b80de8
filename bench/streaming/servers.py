"""Starts the site and nginx on free ports of this machine, as in production, and ends them.

For the benchmark beside this file and for tests. nginx runs with the site's own configuration
(webknossos_site/deploy/nginx.conf), of which only names and places are changed.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
NGINX_CONF = ROOT / "webknossos_site" / "deploy" / "nginx.conf"
_READY_SECONDS = 40
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A running server: where it answers, and which processes it is."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def cpu_seconds(self) -> float:
        """Processor time that all its processes have used, in the kernel too."""
        ticks = 0
        for process in [self.process.pid, *_children(self.process.pid)]:
            with contextlib.suppress(FileNotFoundError):
                fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICKS_PER_SECOND


@contextlib.contextmanager
def site(environment: dict[str, str], *, workers: int = 2, threads: int = 4) -> Iterator[Server]:
    """The site's own server, with `workers` processes."""
    port = free_port()
    command = [
        str(Path(sys.executable).parent / "granian"),
        "--interface=wsgi",
        "--host=127.0.0.1",
        f"--port={port}",
        f"--workers={workers}",
        f"--blocking-threads={threads}",
        "--no-ws",
        "--log-level=warning",
        "webknossos_site.wsgi:application",
    ]
    variables = {**os.environ, "WEB_THREADS": str(threads), **environment}
    process = subprocess.Popen(command, cwd=ROOT, env=variables, start_new_session=True)
    with _ended(process):
        yield _ready(Server(process, port))


@contextlib.contextmanager
def nginx_before(upstream: Server, folder: Path, data_directory: Path) -> Iterator[Server]:
    """nginx as compose.yaml runs it, before `upstream`, whose DATA_DIR is `data_directory`."""
    port = free_port()
    text = _configuration(folder)
    for old, new in [
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("server web:8000;", f"server 127.0.0.1:{upstream.port};"),
        ("/data/grants/", f"{data_directory}/grants/"),
    ]:
        text = _replaced(text, old, new)
    with _nginx(text, folder, port) as server:
        yield server


@contextlib.contextmanager
def nginx_alone(root: Path, folder: Path) -> Iterator[Server]:
    """nginx with the same settings that sends the files below `root` and asks nobody.

    Not the process that stands before the site: they would take each other's open files away.
    """
    port = free_port()
    general = _configuration(folder).partition("  upstream site {")[0]
    text = f"{general}  server {{ listen 127.0.0.1:{port}; root {root}; }}\n}}\n"
    with _nginx(text, folder, port) as server:
        yield server


def _configuration(folder: Path) -> str:
    text = NGINX_CONF.read_text()
    for old, new in [
        ("worker_processes auto;", "worker_processes 2;\nuser root;"),
        ("/dev/stderr", f"{folder}/error.log"),
        ("/tmp/nginx", f"{folder}/nginx"),
    ]:
        text = _replaced(text, old, new)
    return text


def _replaced(text: str, old: str, new: str) -> str:
    if old not in text:
        raise ValueError(f"{NGINX_CONF} lacks '{old}'")
    return text.replace(old, new)


@contextlib.contextmanager
def _nginx(text: str, folder: Path, port: int) -> Iterator[Server]:
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(text)
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    command = [binary, "-c", str(configuration), "-g", "daemon off;"]
    process = subprocess.Popen(command, start_new_session=True)
    with _ended(process):
        yield _ready(Server(process, port))


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _ready(server: Server) -> Server:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise RuntimeError(f"the server at {server.url} ended at once")
        try:
            urlopen(f"{server.url}/healthz", timeout=5)
            return server
        except HTTPError:
            return server
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server at {server.url} does not answer")


def _children(process: int) -> list[int]:
    found = []
    with contextlib.suppress(FileNotFoundError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_children(int(child))]
    return found
