"""nginx sends what it finds through a grant, as long as it holds, and asks for all else.

A stand-in takes the site's place: it allows nothing, and answers whatever else it is asked for.
"""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
import requests

from bench.streaming.servers import Server, nginx_before
from datasets.streaming.grants import WINDOW_SECONDS, present_window

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not (shutil.which("nginx") or Path("/usr/sbin/nginx").exists()),
        reason="nginx is not installed",
    ),
]

CHUNK = b"a stored chunk"
FROM_SITE = b"from the site"


class StandIn(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: list[str] = []

    def do_GET(self) -> None:
        is_question = self.path == "/data/internal/authorize"
        self.asked.append(self.headers["X-Data-Opening"] if is_question else self.path)
        body = b"" if is_question or self.command == "HEAD" else FROM_SITE
        self.send_response(403 if is_question else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the names are http.server's
    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Front:
    """nginx, the directory of grants that it looks into, and a mag."""

    nginx: Server
    grants: Path
    mag: Path

    def grant(self, opening: str, window: str) -> None:
        link = self.grants / window / opening
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(self.mag)

    def grant_for_long(self, opening: str) -> None:
        """In this window and in those that come while a test runs."""
        for later in range(5):
            self.grant(opening, str(int(present_window()) + later))

    def get(self, path: str, method: str = "GET", **headers: str) -> requests.Response:
        url = f"{self.nginx.url}/data/{path}"
        return requests.request(method, url, headers=headers, timeout=10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    site = SimpleNamespace(port=upstream.server_port)
    with nginx_before(site, folder / "nginx", folder / "data") as nginx:
        yield Front(nginx, folder / "data" / "grants", folder / "mag")
    upstream.shutdown()
    upstream.server_close()


@pytest.fixture
def front(server: Front, tmp_path: Path) -> Front:
    """Each test has a mag of its own."""
    mag = tmp_path / "mag"
    (mag / "c" / "0" / "1" / "2").mkdir(parents=True)
    (mag / "c" / "0" / "1" / "2" / "3").write_bytes(CHUNK)
    (mag / "zarr.json").write_bytes(CHUNK)
    StandIn.asked.clear()
    return Front(server.nginx, server.grants, mag)


# Each test has its own: nginx remembers what it was told of an opening.
@pytest.fixture
def token() -> str:
    return f"p.{uuid4().hex}_-A"


@pytest.fixture
def dataset() -> str:
    return uuid4().hex[:24]


PRIVATE = "private, no-cache"
OPENINGS = {
    "zarr": ("zarr/{dataset}/color/1", "0.1.2.3", PRIVATE),
    "ome-zarr": ("ome-zarr/{dataset}/color/2-2-1", "c/0/3/2/1", PRIVATE),
    "ome-zarr of napari": ("ome-zarr/{dataset}.zarr/color/1", "c/0/3/2/1", PRIVATE),
    "viewer": ("viewer/{dataset}/7/c/1", "c/0/3/2/1", "private, max-age=31536000, immutable"),
    "stored chunk": ("datasets/{dataset}/proxy/layers/color/mags/1", "c/0/1/2/3", PRIVATE),
    "stored file": ("datasets/{dataset}/proxy/layers/color/mags/1", "zarr.json", PRIVATE),
}


@pytest.fixture(params=OPENINGS)
def granted(request: pytest.FixtureRequest, token: str, dataset: str) -> tuple[str, str, str]:
    """An opening, a file's name below it, and how long its answers may be kept."""
    opening, key, caching = OPENINGS[request.param]
    return f"t/{token}/{opening.format(dataset=dataset)}", key, caching


def test_what_is_granted_is_sent_without_asking(front, granted):
    opening, key, caching = granted
    front.grant_for_long(opening)
    for version in ("", "v13/", "v16/"):
        answer = front.get(f"{version}{opening}/{key}")
        assert (answer.status_code, answer.content) == (200, CHUNK)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Cache-Control"] == caching
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Content-Encoding" not in answer.headers
    head = front.get(f"{opening}/{key}", "HEAD")
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(CHUNK)))
    part = front.get(f"{opening}/{key}", Range="bytes=2-5")
    assert (part.status_code, part.content) == (206, CHUNK[2:6])
    same = front.get(f"{opening}/{key}", **{"If-None-Match": answer.headers["ETag"]})
    assert same.status_code == 304
    assert StandIn.asked == []


def test_all_else_is_asked_for(front, granted, token, dataset):
    opening, key, _ = granted
    front.grant_for_long(opening)
    for other in (
        opening.replace(token, f"{token}x"),
        opening.replace(f"t/{token}/", ""),
        opening.replace(dataset, uuid4().hex[:24]),
        opening.replace("/1", "/2").replace("2-2-1", "4-4-2"),
    ):
        assert other != opening
        StandIn.asked.clear()
        answer = front.get(f"{other}/{key}")
        assert answer.content == FROM_SITE
        assert "Cache-Control" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert StandIn.asked == [other, f"/data/{other}/{key}"]


def test_chunks_that_are_not_there_are_the_sites_to_tell(front, granted):
    opening, key, _ = granted
    front.grant_for_long(opening)
    absent = key.replace("3", "4").replace("zarr.json", ".zattrs")
    assert front.get(f"{opening}/{absent}").content == FROM_SITE
    # It came meanwhile: that there was none is not remembered.
    (front.mag / "c" / "0" / "1" / "2" / "4").write_bytes(CHUNK)
    (front.mag / ".zattrs").write_bytes(CHUNK)
    assert front.get(f"{opening}/{absent}").content == CHUNK


def test_a_folder_in_the_place_of_a_file_is_the_sites_to_tell(front, granted):
    opening, key, _ = granted
    front.grant_for_long(opening)
    for file in ("c/0/1/2/3", "zarr.json"):
        (front.mag / file).unlink()
        (front.mag / file).mkdir()
    assert front.get(f"{opening}/{key}").content == FROM_SITE
    assert StandIn.asked[-1] == f"/data/{opening}/{key}"


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_other_methods_are_the_sites_to_answer(front, granted, method):
    opening, key, _ = granted
    front.grant_for_long(opening)
    assert front.get(f"{opening}/{key}", method).content != CHUNK


@pytest.mark.parametrize("depth", [0, 1, 2, 3], ids=["file", "y", "x", "c"])
def test_no_link_below_a_mag_is_followed(front, granted, tmp_path, depth):
    opening, key, _ = granted
    front.grant_for_long(opening)
    secret = tmp_path / "elsewhere" / "0" / "1" / "2" / "3"
    secret.parent.mkdir(parents=True)
    secret.write_bytes(b"secret")
    place = front.mag / "c" / "0" / "1" / "2" / "3"
    place = [place, *place.parents][depth]
    place.rename(tmp_path / "before")
    place.symlink_to([secret, *secret.parents][depth])
    (front.mag / "zarr.json").unlink()
    (front.mag / "zarr.json").symlink_to(secret)
    assert front.get(f"{opening}/{key}").content == FROM_SITE


@pytest.mark.parametrize(
    "path",
    [
        "{opening}/../../../../../../../../../secret",
        "{opening}/c/../../secret",
        "{opening}/%2e%2e/secret",
        "{opening}/..%2fsecret",
        "{opening}//{outside}/secret",
        "{opening}/c/0/1/2/../../../../../secret",
        "t/{token}/../../secret",
        "t/%2e%2e/zarr/{dataset}/color/1/0.1.2.3",
        "t/..%2f..%2fsecret/zarr/{dataset}/color/1/0.1.2.3",
        "../grants/secret",
        "{opening}/secret%00",
    ],
)
def test_no_path_leads_out_of_a_granted_mag(front, token, dataset, path):
    opening = f"t/{token}/datasets/{dataset}/proxy/layers/color/mags/1"
    front.grant_for_long(opening)
    for folder in (front.mag.parent, front.grants, front.grants.parent):
        (folder / "secret").write_bytes(b"secret")
    target = path.format(
        opening=opening, token=token, dataset=dataset, outside=str(front.mag.parent)
    )
    with socket.create_connection(("127.0.0.1", front.nginx.port)) as connection:
        connection.sendall(
            f"GET /data/{target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        with connection.makefile("rb") as answer:
            assert b"secret" not in answer.read().partition(b"\r\n\r\n")[2]


def test_grants_of_other_windows_open_nothing(front, granted):
    opening, key, _ = granted
    now = int(present_window())
    # Not the next one: it may begin while this runs.
    for window in (now - 1, now - 2, now + 30, now // 10, 10 * now):
        front.grant(opening, str(window))
    assert front.get(f"{opening}/{key}").content == FROM_SITE


def test_a_grant_ends_with_its_window_without_anybodys_doing(front, token, dataset):
    """Nobody sweeps here, no site takes anything back, and the file was sent a moment before."""
    opening = f"t/{token}/zarr/{dataset}/color/1"
    while True:
        window = present_window()
        front.grant(opening, window)
        if front.get(f"{opening}/0.1.2.3").content == CHUNK:
            break
        # It had just ended.
        assert present_window() != window
    end = (int(window) + 1) * WINDOW_SECONDS
    asked = time.time()
    while front.get(f"{opening}/0.1.2.3").content == CHUNK:
        # nginx reads the clock anew with each request that wakes it up.
        assert asked < end + 1
        time.sleep(0.05)
        asked = time.time()
    assert time.time() >= end
    assert (front.grants / window / opening / "zarr.json").exists()
