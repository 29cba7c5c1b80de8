"""How fast the public library brings data in and out, and how fast chunks stream to 32 clients.

    .venv/bin/python bench/library/run.py [--size 1024] [--rounds 3] [--seconds 2]

For WKW (LZ4) and sharded Zarr v3, `--size` MiB each: upload and download with the library on
loopback in MB/s, beside `cp` of the same dataset to the same disk, synced, and beside nginx sending
the same files to one client that keeps nothing. A download is told once more without what the
library does itself while the site waits, compressing and writing. Reading has an equal peer: the
library itself, which reads the same files from nginx.

Then the chunks as the library asks for them, with wrk: the ratio to nginx sending the same bodies
as files, and microseconds of processor time that all server processes spend on a request. Needs
nginx, wrk and .venv-client (`make test` makes it).
"""

import argparse
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.streaming.run import Way, measure, report
from bench.streaming.servers import Server, free_port, nginx_alone, nginx_before

CLIENT = ROOT / ".venv-client" / "bin" / "python"
FORMATS = {"WKW (LZ4)": "wkw", "sharded Zarr v3": "zarr3"}
MOST_CHUNKS = 4096

Shape = tuple[int, int, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB, a multiple of 128")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    options = parser.parse_args()
    for program in ("nginx", "wrk", str(CLIENT)):
        if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin"):
            sys.exit(f"This benchmark needs {program}.")
    shape = (512, 512, 512 * max(1, options.size // 128))
    with tempfile.TemporaryDirectory(prefix="bench-library-") as name:
        folder = Path(name)
        with (
            whole_site(folder / "data") as web,
            nginx_before(web, folder / "nginx", folder / "data") as nginx,
            nginx_alone(folder, folder / "nginx-alone") as alone,
        ):
            token = json.loads((folder / "data" / "demo.json").read_text())["token"]
            ways = []
            print(f"{prod(shape) / 1e6:,.0f} MB of voxels of uint8, MB/s:")
            for label, data_format in FORMATS.items():
                dataset_id = bring_in_and_out(label, data_format, shape, folder, web, alone, token)
                ways += chunk_ways(label, dataset_id, shape, folder, web, nginx, alone, token)
            print("\nChunks as the library asks for them, 32 clients:")
            for _ in range(options.rounds):
                for way in ways:
                    measure(way, folder, options.seconds)
            report(ways)


@contextmanager
def whole_site(data_dir: Path) -> Iterator[Server]:
    """The demonstration with its workers, which take uploads in."""
    port = free_port()
    environment = {**os.environ, "DATA_DIR": str(data_dir), "PORT": str(port)}
    environment |= {"DATABASE_URL": "", "REDIS_URL": "", "BEHIND_PROXY": "true"}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "demo"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        if not any(b"Ready:" in line for line in process.stdout):
            raise RuntimeError("the site did not start")
        yield Server(process, port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def bring_in_and_out(
    label: str, data_format: str, shape: Shape, folder: Path, web: Server, alone: Server, token: str
) -> str:
    """Measure each way that the data takes, one after the other; the uploaded dataset's id."""
    source = folder / data_format
    library(web, token, "make", source, data_format, *shape)
    seconds = {"cp, synced": copied(source, folder / "copy")}
    spent, dataset_id = library(web, token, "upload", source, data_format)
    seconds["library, upload"] = float(spent)
    seconds["nginx, the files"] = fetched(alone, source, folder)
    down = folder / "down"
    spent, waited = library(web, token, "download", dataset_id, down)
    seconds["library, download"] = float(spent)
    seconds["  without its own work"] = float(waited)
    shutil.rmtree(down)
    (spent,) = library(web, token, "read", dataset_id)
    seconds["library, read"] = float(spent)
    (spent,) = library(web, token, "read", f"{alone.url}/{source.name}")
    seconds["  from nginx's files"] = float(spent)
    for way, spent_on_it in seconds.items():
        rate = prod(shape) / 1e6 / spent_on_it
        print(f"  {label:18}{way:22}{rate:9,.0f}   ({spent_on_it:.1f} s)", flush=True)
    return dataset_id


def library(web: Server, token: str, *arguments: object) -> list[str]:
    """The words that the client printed last."""
    done = subprocess.run(
        [CLIENT, "-W", "ignore", Path(__file__).with_name("client.py"), *map(str, arguments)],
        env={**os.environ, "WK_URL": f"http://localhost:{web.port}", "WK_TOKEN": token},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1].split() if done.stdout else []


def copied(source: Path, target: Path) -> float:
    """Seconds until a copy is on the disk."""
    begun = time.perf_counter()
    subprocess.run(["cp", "-r", source, target], check=True)
    subprocess.run(["sync", "--file-system", target], check=True)
    spent = time.perf_counter() - begun
    shutil.rmtree(target)
    return spent


def fetched(server: Server, source: Path, root: Path) -> float:
    """Seconds in which one client gets all files of a dataset."""
    begun = time.perf_counter()
    for path in source.rglob("*"):
        if path.is_file():
            with urlopen(f"{server.url}/{path.relative_to(root)}") as answer:
                while answer.read(2**20):
                    pass
    return time.perf_counter() - begun


def chunk_ways(
    label: str,
    dataset_id: str,
    shape: Shape,
    folder: Path,
    web: Server,
    nginx: Server,
    alone: Server,
    token: str,
) -> list[Way]:
    """The ways to chunks as the library asks for them, and nginx with the same bodies as files."""

    def get(path: str) -> bytes:
        request = Request(web.url + path, headers={"X-Auth-Token": token})
        with urlopen(request) as answer:
            body: bytes = answer.read()
        return body

    link = json.loads(get(f"/api/datasets/{dataset_id}/sharingToken"))["sharingToken"]
    base = f"/data/t/{link}/zarr/{dataset_id}/color/1"
    chunk = json.loads(get(f"{base}/.zarray"))["chunks"][-1]
    grid = itertools.product(*(range(edge // chunk) for edge in shape))
    chunks = [f"{base}/0.{x}.{y}.{z}" for x, y, z in itertools.islice(grid, MOST_CHUNKS)]
    bodies = folder / f"bodies-{dataset_id}"
    bodies.mkdir()
    for number, path in enumerate(chunks):
        (bodies / str(number)).write_bytes(get(path))
    kib = (bodies / "0").stat().st_size // 1024
    files = [f"/{bodies.name}/{number}" for number in range(len(chunks))]
    kind = f"{label}, {kib} KiB"
    return [
        Way(kind, "nginx, static", alone.url, files, [alone]),
        Way(kind, "site", web.url, chunks, [web]),
        Way(kind, "nginx before site", nginx.url, chunks, [nginx, web]),
    ]


if __name__ == "__main__":
    main()
