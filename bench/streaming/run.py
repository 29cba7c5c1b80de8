"""How fast data is served, against nginx sending the same files on the same machine in one run.

    .venv/bin/python bench/streaming/run.py [--rounds 5] [--seconds 1]

Prints for each way the ratio to nginx (median of interleaved rounds), requests a second, and the
microseconds of processor time that all server processes spend on a request; then what slow
uploaders do to others. Needs nginx and wrk.
"""

import argparse
import itertools
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.streaming.data import LAYERS, make_dataset
from bench.streaming.servers import Server, nginx_alone, nginx_before, site

HERE = Path(__file__).parent
CLIENTS = 32
SLOW_UPLOADERS = 20


@dataclass
class Way:
    """One way to get at a kind of data: where it is asked for, and who works on it."""

    kind: str
    name: str
    url: str
    paths: list[str]
    servers: list[Server]
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Measured:
    """What wrk saw; times in milliseconds."""

    rate: float
    requests: int
    errors: int
    median: float
    slowest_percent: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1)
    options = parser.parse_args()
    for program in ("nginx", "wrk"):
        if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin"):
            sys.exit(f"This benchmark needs {program}. Install it with your package manager.")
    with tempfile.TemporaryDirectory(prefix="bench-streaming-") as name:
        folder = Path(name)
        environment = {
            "DATA_DIR": str(folder / "data"),
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "BEHIND_PROXY": "true",
        }
        os.environ.update(environment)
        dataset_id, token = prepared()
        files = folder / "data" / "binaryData"
        boxes = folder / "boxes"
        boxes.mkdir()
        for number in range(64):
            (boxes / str(number)).write_bytes(os.urandom(32**3))
        with (
            site(environment) as web,
            nginx_before(web, folder / "nginx", folder / "data") as nginx,
            nginx_alone(folder, folder / "nginx-alone") as alone,
        ):
            measured = ways(dataset_id, token, files.relative_to(folder), web, nginx, alone)
            for _ in range(options.rounds):
                for way in measured:
                    measure(way, folder, options.seconds)
            report(measured)
            slow_uploaders(measured[1], web, f"/data/t/{token}/datasets/{dataset_id}", folder)


def prepared() -> tuple[str, str]:
    """Make tables and data; the dataset's id and the token of a link to it."""
    import django
    from django.core.management import call_command

    os.environ["DJANGO_SETTINGS_MODULE"] = "webknossos_site.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    dataset, token = make_dataset()
    return dataset.pk, token


def ways(
    dataset_id: str, token: str, files: Path, web: Server, nginx: Server, alone: Server
) -> list[Way]:
    door = f"/data/t/{token}"
    found = []
    sizes = {"small": "20 KiB chunk", "large": "170 KiB chunk"}
    for layer in LAYERS:
        positions = list(itertools.product(range(layer.count), repeat=3))
        if layer.name in sizes:
            kind = sizes[layer.name]
            base = f"/{files}/bench/streaming/{layer.name}/1"
            static = [f"{base}/c/0/{x}/{y}/{z}" for x, y, z in positions]
            zarr = [
                f"{door}/zarr/{dataset_id}/{layer.name}/1/0.{x}.{y}.{z}" for x, y, z in positions
            ]
            ome = [
                f"{door}/ome-zarr/{dataset_id}/{layer.name}/1/c/0/{z}/{y}/{x}"
                for x, y, z in positions
            ]
            found += [
                Way(kind, "nginx, static", alone.url, static, [alone]),
                Way(kind, "site, Zarr v2", web.url, zarr, [web]),
                Way(kind, "site, OME-Zarr", web.url, ome, [web]),
                Way(kind, "nginx before site, Zarr v2", nginx.url, zarr, [nginx, web]),
                Way(kind, "nginx before site, OME-Zarr", nginx.url, ome, [nginx, web]),
            ]
        elif layer.name == "sharded":
            ome = [
                f"{door}/ome-zarr/{dataset_id}/{layer.name}/1/c/0/{z}/{y}/{x}"
                for x, y, z in positions
            ]
            small = next(way for way in found if way.kind == "20 KiB chunk")
            found += [
                Way("20 KiB chunk of a shard", "nginx, static", alone.url, small.paths, [alone]),
                Way("20 KiB chunk of a shard", "site, OME-Zarr", web.url, ome, [web]),
                Way("20 KiB chunk of a shard", "nginx before site", nginx.url, ome, [nginx, web]),
            ]
        else:
            query = "width=32&height=32&depth=32&mag=1"
            cuboids = [
                f"{door}/datasets/{dataset_id}/layers/{name}/data?"
                f"x={32 * x}&y={32 * y}&z={32 * z}&{query}"
                for x, y, z in positions
                for name in ("wkw",)
            ]
            blocks = [f"{door}/zarr/{dataset_id}/wkw/1/0.{x}.{y}.{z}" for x, y, z in positions]
            static = [f"/boxes/{number}" for number in range(64)]
            found += [
                Way("32^3 voxels of WKW", "nginx, static", alone.url, static, [alone]),
                Way("32^3 voxels of WKW", "site, Zarr v2 chunk", web.url, blocks, [web]),
                Way("32^3 voxels of WKW", "site, raw box", web.url, cuboids, [web]),
            ]
    return found


def measure(way: Way, folder: Path, seconds: int) -> None:
    before = sum(server.cpu_seconds() for server in way.servers)
    result = wrk(way, folder, seconds)
    if result.errors:
        sys.exit(f"{way.kind}, {way.name}: {result.errors} requests failed")
    used = sum(server.cpu_seconds() for server in way.servers) - before
    way.rates.append(result.rate)
    way.cpu.append(used / result.requests * 1e6)


def wrk(way: Way, folder: Path, seconds: int, clients: int = CLIENTS) -> Measured:
    paths = folder / "paths"
    paths.write_text("\n".join(way.paths))
    output = subprocess.run(
        ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "-s", HERE / "random_paths.lua", way.url],
        env={**os.environ, "PATHS": str(paths)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    line = next(line for line in output.splitlines() if line.startswith("RESULT"))
    requests, duration, _, errors, median, slowest = map(int, line.split()[1:])
    rate = requests / (duration / 1e6)
    return Measured(rate, requests, errors, median / 1000, slowest / 1000)


def report(measured: list[Way]) -> None:
    print(f"{'':26}{'':32}{'x nginx':>9}{'requests/s':>12}{'CPU us':>9}")
    static: Way | None = None
    for way in measured:
        if way.name == "nginx, static":
            static = way
        assert static is not None
        ratios = [mine / theirs for mine, theirs in zip(way.rates, static.rates, strict=True)]
        print(
            f"{way.kind:26}{way.name:32}{statistics.median(ratios):9.2f}"
            f"{statistics.median(way.rates):12,.0f}{statistics.median(way.cpu):9.0f}"
        )


def slow_uploaders(way: Way, web: Server, door: str, folder: Path) -> None:
    """What others notice while many uploads trickle in."""
    alone = wrk(way, folder, 3, clients=4)
    with uploading(web, f"{door}/layers/small/data"):
        beside = wrk(way, folder, 3, clients=4)
    print(f"\n{way.kind}s while {SLOW_UPLOADERS} slow uploads run, 4 clients:")
    for name, seen in (("without uploads", alone), ("with uploads", beside)):
        print(
            f"  {name:18}{seen.rate:9,.0f} requests/s, median {seen.median:.2f} ms, "
            f"slowest percent {seen.slowest_percent:.2f} ms, {seen.errors} errors"
        )


@contextmanager
def uploading(web: Server, path: str) -> Iterator[None]:
    """Clients that announce 100 MiB each and send some bytes a second."""
    stop = threading.Event()

    def trickle() -> None:
        while not stop.is_set():
            with socket.create_connection(("127.0.0.1", web.port)) as connection:
                head = (
                    f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {100 * 2**20}\r\n"
                )
                connection.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode())
                try:
                    while not stop.wait(0.2):
                        connection.sendall(b"x" * 64)
                except OSError:
                    stop.wait(0.5)  # refused for now: as upload clients do, it comes again

    clients = [threading.Thread(target=trickle, daemon=True) for _ in range(SLOW_UPLOADERS)]
    for client in clients:
        client.start()
    time.sleep(1)
    try:
        yield
    finally:
        stop.set()
        for client in clients:
            client.join()


if __name__ == "__main__":
    main()
