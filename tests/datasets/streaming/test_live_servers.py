"""The real servers: two processes of the site, and nginx before them, as in production."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import requests
import tensorstore as ts
import zarr
from zarr.core.buffer import Buffer, default_buffer_prototype
from zarr.storage import MemoryStore

from bench.streaming.servers import ROOT, Server, nginx_before, site

pytestmark = pytest.mark.live

# Runs in a process of its own: the site's settings are made from its environment.
PREPARE = """
import json, shutil, sys
from pathlib import Path
import django
from django.core.management import call_command
django.setup()
call_command("migrate", verbosity=0)
from sharing.services.links import create_link, reveal_token
import numpy as np
import tests
# Some installed package brings a `tests` of its own, which would win.
tests.__path__ = [sys.argv[2]]
from tests.datasets.streaming.streamed_data import make_streamed
streamed = make_streamed(
    size=(150, 90, 70), top_left=(0, 0, 0), element_class="uint16",
    mags=((1, 1, 1), (2, 2, 1)), options={"shard": None, "chunk": 32},
)
offset = make_streamed(size=(50, 40, 30), top_left=(7, 5, 3), data_format="wkw")
linked = make_streamed(options={"shard": None, "chunk": 32})
mag, elsewhere = linked.directory / "color" / "1", Path(sys.argv[1]) / "elsewhere"
(elsewhere / "1").mkdir(parents=True)
(elsewhere / "1" / "0").write_text("secret")
shutil.rmtree(mag / "c" / "0" / "1")
(mag / "c" / "0" / "1" / "0").mkdir(parents=True)
(mag / "c" / "0" / "1" / "0" / "0").symlink_to(elsewhere / "1" / "0")
(mag / "c" / "0" / "1" / "1").symlink_to(elsewhere / "1")
mag.rename(elsewhere / "mag")
mag.symlink_to(elsewhere / "mag")
ids = {}
for name, made in (("aligned", streamed), ("offset", offset), ("linked", linked)):
    np.savez(f"{sys.argv[1]}/{name}.npz", **{f"m{mag}": v for mag, v in made.voxels.items()})
    links = [create_link(thing=made.dataset, name=str(n), created_by=None) for n in range(4)]
    ids[name] = {"id": made.id, "links": {link.pk: reveal_token(link) for link in links}}
print(json.dumps(ids))
"""
REVOKE = """
import sys
import django
django.setup()
from sharing.models import SharingLink
from sharing.services.links import revoke_link
revoke_link(link=SharingLink.objects.get(pk=sys.argv[1]))
"""
# The mag becomes a link to another directory, in which one chunk differs.
REPLACE = """
import shutil, sys
from pathlib import Path
import django
django.setup()
from datasets.models import Dataset
from datasets.storage.local import dataset_directory
dataset = Dataset.objects.get(pk=sys.argv[1])
mag = dataset_directory(dataset) / "color" / "1"
new = Path(sys.argv[2]) / "new"
shutil.copytree(mag, new, symlinks=True)
(new / "c" / "0" / "0" / "0" / "0").write_bytes(b"another chunk")
mag.unlink()
mag.symlink_to(new)
dataset.version += 1
dataset.save()
"""


@dataclass
class Live:
    web: Server
    nginx: Server | None
    environment: dict[str, str]
    folder: Path
    datasets: dict

    def address(self, name: str, *, link: int = 0, door: str = "ome-zarr") -> str:
        token = list(self.datasets[name]["links"].values())[link]
        suffix = ".zarr" if door == "ome-zarr" else ""
        return f"/data/t/{token}/{door}/{self.datasets[name]['id']}{suffix}/color"

    def voxels(self, name: str, mag: str = "1") -> np.ndarray:
        return np.load(self.folder / f"{name}.npz")[f"m{mag}"]

    def revoke(self, name: str, link: int) -> None:
        identifier = list(self.datasets[name]["links"])[link]
        run(self.environment, REVOKE, identifier)


def run(environment: dict[str, str], program: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    environment = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "BEHIND_PROXY": "true",
        "DJANGO_SETTINGS_MODULE": "webknossos_site.settings",
        "PYTHONPATH": str(ROOT),
    }
    datasets = json.loads(
        run(environment, PREPARE, str(folder), str(ROOT / "tests")).splitlines()[-1]
    )
    with site(environment, workers=2, threads=4) as web:
        if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
            with nginx_before(web, folder / "nginx", folder / "data") as nginx:
                yield Live(web, nginx, environment, folder, datasets)
        else:
            yield Live(web, None, environment, folder, datasets)


@pytest.fixture(params=["site", "nginx"])
def url(request: pytest.FixtureRequest, live: Live) -> str:
    if request.param == "site":
        return live.web.url
    if live.nginx is None:
        pytest.skip("nginx is not installed")
    return live.nginx.url


class FilesOver(dict):
    """The files below an address, each asked for when it is needed."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def __missing__(self, key: str) -> Buffer:
        answer = requests.get(f"{self._address}/{key}", timeout=10)
        if answer.status_code == 404:
            raise KeyError(key)
        assert answer.status_code == 200
        return default_buffer_prototype().buffer.from_bytes(answer.content)


@pytest.mark.parametrize("name", ["aligned", "offset"])
def test_zarr_python_opens_the_copied_link(live, url, name):
    store = MemoryStore(FilesOver(f"{url}{live.address(name)}"), read_only=True)
    group = zarr.open_group(store, mode="r")
    mags = [entry["path"] for entry in group.attrs["ome"]["multiscales"][0]["datasets"]]
    for mag in mags:
        voxels = np.asarray(group[mag][...]).transpose(0, 3, 2, 1)
        np.testing.assert_array_equal(voxels, live.voxels(name, mag))


@pytest.mark.parametrize("name", ["aligned", "offset"])
def test_tensorstore_opens_the_copied_link(live, url, name):
    spec = {"driver": "zarr3", "kvstore": f"{url}{live.address(name)}/1/"}
    voxels = ts.open(spec).result().read().result()
    np.testing.assert_array_equal(voxels.transpose(0, 3, 2, 1), live.voxels(name))


def test_tensorstore_opens_zarr_v2_and_the_stored_files(live, url):
    v2 = {"driver": "zarr", "kvstore": f"{url}{live.address('aligned', door='zarr')}/1/"}
    np.testing.assert_array_equal(ts.open(v2).result().read().result(), live.voxels("aligned"))
    door = live.address("aligned", door="datasets").replace("/color", "/proxy/layers/color/mags/1/")
    stored = ts.open({"driver": "zarr3", "kvstore": f"{url}{door}"}).result().read().result()
    np.testing.assert_array_equal(stored, live.voxels("aligned"))


LIBRARY = """
import sys
import numpy as np
import webknossos as wk
for address, file in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    layer = wk.Dataset.open(address).get_layer("color")
    for name, stored in np.load(file).items():
        view = layer.get_mag(name.removeprefix("m"))
        assert np.array_equal(view.read(), stored), (address, name)
print("equal")
"""


@pytest.mark.peer
def test_the_public_library_opens_the_data(live, url):
    python = ROOT / ".venv-client" / "bin" / "python"
    if not python.exists():
        pytest.skip("the public library is not installed: .venv-client is missing (make test)")
    arguments = []
    for name in ("aligned", "offset"):
        door = live.address(name, door="zarr").removesuffix("color")
        arguments += [f"{url}{door}", str(live.folder / f"{name}.npz")]
    found = subprocess.run([python, "-c", LIBRARY, *arguments], check=True, stdout=subprocess.PIPE)
    assert found.stdout.split()[-1] == b"equal"


def chunk(live: Live, **options) -> str:
    return f"{live.address('aligned', **options)}/1/c/0/1/1/1"


def test_a_revoked_link_ends_at_once_in_every_process(live):
    address = f"{live.web.url}{chunk(live, link=1)}"

    def statuses() -> set[int]:
        """Of many new connections, which the two processes share among them."""
        return {
            requests.get(address, headers={"Connection": "close"}, timeout=10).status_code
            for _ in range(40)
        }

    assert statuses() == {200}
    live.revoke("aligned", 1)
    assert statuses() == {404}


def test_nginx_sends_whole_files_itself_and_the_site_the_rest(live):
    if live.nginx is None:
        pytest.skip("nginx is not installed")
    whole = requests.get(f"{live.nginx.url}{chunk(live)}", timeout=10)
    assert whole.status_code == 200
    # Its ETag is made of time and size; the site's is the dataset's version.
    assert "-" in whole.headers["ETag"]
    assert whole.headers["Access-Control-Allow-Origin"] == "*"
    assert whole.headers["Cache-Control"] == "private, no-cache"
    assert whole.content == requests.get(f"{live.web.url}{chunk(live)}", timeout=10).content
    part = requests.get(
        f"{live.nginx.url}{chunk(live)}", headers={"Range": "bytes=-10"}, timeout=10
    )
    assert (part.status_code, part.content) == (206, whole.content[-10:])
    decoded = requests.get(f"{live.nginx.url}{live.address('offset')}/1/c/0/0/0/0", timeout=10)
    assert decoded.status_code == 200
    absent = requests.get(f"{live.nginx.url}{live.address('aligned')}/1/c/0/2/2/4", timeout=10)
    assert absent.status_code == 404
    preflight = requests.options(f"{live.nginx.url}{chunk(live)}", timeout=10)
    assert preflight.status_code == 204


def test_other_sites_pages_may_read_through_nginx_whoever_answers(live):
    if live.nginx is None:
        pytest.skip("nginx is not installed")
    layer = live.address("aligned")
    for address in (chunk(live), f"{layer}/zarr.json"):
        answer = requests.get(f"{live.nginx.url}{address}", timeout=10)
        # Two headers would come as "*, *", and shut browsers out.
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_before_nginx_too_a_token_opens_nothing_for_others(live):
    if live.nginx is None:
        pytest.skip("nginx is not installed")
    good = chunk(live)
    token = good.split("/")[3]
    other = live.datasets["offset"]["id"]
    own = live.datasets["aligned"]["id"]
    assert requests.get(f"{live.nginx.url}{good}", timeout=10).status_code == 200
    answers = [
        requests.get(f"{live.nginx.url}{bad}", timeout=10)
        for bad in (
            good.replace(token, "wrong"),
            good.replace(f"/t/{token}", ""),
            good.replace(own, other),
            good.replace(own, "f" * 24),
            "/data/internal/authorize",
            "/data/v16/internal/authorize",
            "/data/t/x/internal/authorize",
            "/data/internal/ask",
        )
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers[:4]}) == 1
    assert requests.get(f"{live.nginx.url}{good}", timeout=10).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "{mags}/../../../../../secret",
        "{mags}/%2e%2e/%2e%2e/%2e%2e/%2e%2e/secret",
        "{mags}//etc/passwd",
        "{mags}/1/../../../../../data/secret_key",
        "{mags}/1/..%2f..%2f..%2fsecret",
    ],
)
def test_no_path_leads_out_of_the_data(live, path):
    if live.nginx is None:
        pytest.skip("nginx is not installed")
    door = live.address("aligned", door="datasets").replace("/color", "/proxy/layers/color/mags")
    target = path.format(mags=door)
    with socket.create_connection(("127.0.0.1", live.nginx.port)) as connection:
        connection.sendall(
            f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        with connection.makefile("rb") as answer:
            status = int(answer.readline().split()[1])
    assert status in {400, 404}


@pytest.mark.parametrize("number", ["0/0/0/1", "0/0/1/1"], ids=["file", "folder"])
def test_nginx_follows_no_link_below_a_mag(live, number):
    if live.nginx is None:
        pytest.skip("nginx is not installed")
    c, z, y, x = number.split("/")
    door = live.address("linked", door="datasets").replace("/color", "/proxy/layers/color/mags")
    for address in (f"{live.address('linked')}/1/c/{number}", f"{door}/1/c/{c}/{x}/{y}/{z}"):
        answer = requests.get(f"{live.nginx.url}{address}", timeout=10)
        assert answer.status_code == 422
        assert b"secret" not in answer.content
    # A mag that is a link itself is sent by nginx as any other: see its ETag.
    good = requests.get(f"{live.nginx.url}{live.address('linked')}/1/c/0/0/0/0", timeout=10)
    assert "-" in good.headers["ETag"]


def test_behind_nginx_a_revoked_link_ends_within_ten_seconds(live):
    if live.nginx is None:
        pytest.skip("nginx is not installed")
    address = f"{live.nginx.url}{chunk(live, link=2)}"
    assert requests.get(address, timeout=10).status_code == 200
    live.revoke("aligned", 2)
    revoked = time.monotonic()
    while requests.get(address, timeout=10).status_code == 200:
        assert time.monotonic() - revoked < 11
        time.sleep(0.2)
    assert requests.get(address, timeout=10).status_code == 404


def test_behind_nginx_a_right_is_not_prolonged_while_the_site_hangs(live):
    if live.nginx is None:
        pytest.skip("nginx is not installed")
    address = f"{live.nginx.url}{chunk(live, link=3)}"

    def is_served() -> bool:
        try:
            return requests.get(address, timeout=1).status_code == 200
        except requests.Timeout:
            return False

    assert requests.get(address, timeout=10).status_code == 200
    os.killpg(live.web.process.pid, signal.SIGSTOP)
    try:
        stopped = time.monotonic()
        while is_served():
            assert time.monotonic() - stopped < 11
            time.sleep(0.1)
    finally:
        os.killpg(live.web.process.pid, signal.SIGCONT)
    assert requests.get(address, timeout=30).status_code == 200


def test_behind_nginx_replaced_data_is_sent_within_ten_seconds(live):
    if live.nginx is None:
        pytest.skip("nginx is not installed")
    address = f"{live.nginx.url}{live.address('linked')}/1/c/0/0/0/0"
    assert requests.get(address, timeout=10).content != b"another chunk"
    run(live.environment, REPLACE, live.datasets["linked"]["id"], str(live.folder))
    replaced = time.monotonic()
    while requests.get(address, timeout=10).content != b"another chunk":
        assert time.monotonic() - replaced < 11
        time.sleep(0.2)


def test_slow_uploads_do_not_delay_chunks(live):
    door = live.address("aligned", door="datasets").replace("/color", "/layers/color/data")
    head = f"POST {door} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {100 * 2**20}\r\n\r\n"
    uploads = []
    try:
        for _ in range(20):
            connection = socket.create_connection(("127.0.0.1", live.web.port))
            connection.sendall(head.encode() + b"[")
            uploads.append(connection)
        started = time.monotonic()
        for _ in range(50):
            # A connection of its own each time: any of the processes may take it.
            answer = requests.get(f"{live.web.url}{chunk(live)}", timeout=5)
            assert answer.status_code == 200
        assert time.monotonic() - started < 5
    finally:
        for connection in uploads:
            connection.close()


def sent_in_part(head: str, length: int) -> bytes:
    """A request of which the body never comes."""
    fields = f"Host: localhost\r\nCookie: csrftoken={'a' * 32}\r\nContent-Length: {length}"
    return f"POST {head}\r\n{fields}\r\n\r\n".encode()


@pytest.mark.parametrize(
    "head",
    [
        "/data/datasets/upload/dataset HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b",
        "/auth/login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded",
    ],
    ids=["upload", "form"],
)
@pytest.mark.parametrize("length", [200_000, 300_000], ids=["small", "large"])
def test_strangers_who_send_half_a_request_stop_nobody(live, head, length):
    connections = []
    try:
        for _ in range(60):
            connection = socket.create_connection(("127.0.0.1", live.web.port))
            connection.sendall(sent_in_part(head, length))
            connections.append(connection)
        for address in ("/readyz", "/auth/login", chunk(live)) * 10:
            answer = requests.get(
                f"{live.web.url}{address}", headers={"Connection": "close"}, timeout=5
            )
            assert answer.status_code == 200
    finally:
        for connection in connections:
            connection.close()
