"""nginx before the site: what it sends itself, to whom, and for how long."""

import os
import signal
import socket
import time
from collections.abc import Callable

import pytest
import requests

from tests.datasets.streaming.live_servers import REPLACE, run

pytestmark = pytest.mark.live


def test_nginx_sends_whole_files_itself_and_the_site_the_rest(live, nginx):
    whole = requests.get(f"{nginx.url}{live.chunk()}", timeout=10)
    assert whole.status_code == 200
    # Its ETag is made of time and size; the site's is the dataset's version.
    assert "-" in whole.headers["ETag"]
    assert whole.headers["Access-Control-Allow-Origin"] == "*"
    assert whole.headers["Cache-Control"] == "private, no-cache"
    assert whole.content == requests.get(f"{live.web.url}{live.chunk()}", timeout=10).content
    part = requests.get(f"{nginx.url}{live.chunk()}", headers={"Range": "bytes=-10"}, timeout=10)
    assert (part.status_code, part.content) == (206, whole.content[-10:])
    decoded = requests.get(f"{nginx.url}{live.address('offset')}/1/c/0/0/0/0", timeout=10)
    assert decoded.status_code == 200
    absent = requests.get(f"{nginx.url}{live.address('aligned')}/1/c/0/2/2/4", timeout=10)
    assert absent.status_code == 404
    preflight = requests.options(f"{nginx.url}{live.chunk()}", timeout=10)
    assert preflight.status_code == 204


def test_other_sites_pages_may_read_through_nginx_whoever_answers(live, nginx):
    layer = live.address("aligned")
    for address in (live.chunk(), f"{layer}/zarr.json"):
        answer = requests.get(f"{nginx.url}{address}", timeout=10)
        # Two headers would come as "*, *", and shut browsers out.
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_before_nginx_too_a_token_opens_nothing_for_others(live, nginx):
    good = live.chunk()
    token = good.split("/")[3]
    other = live.datasets["offset"]["id"]
    own = live.datasets["aligned"]["id"]
    assert requests.get(f"{nginx.url}{good}", timeout=10).status_code == 200
    answers = [
        requests.get(f"{nginx.url}{bad}", timeout=10)
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
    assert requests.get(f"{nginx.url}{good}", timeout=10).status_code == 200


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
def test_no_path_leads_out_of_the_data(live, nginx, path):
    door = live.address("aligned", door="datasets").replace("/color", "/proxy/layers/color/mags")
    target = path.format(mags=door)
    with socket.create_connection(("127.0.0.1", nginx.port)) as connection:
        connection.sendall(
            f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        with connection.makefile("rb") as answer:
            status = int(answer.readline().split()[1])
    assert status in {400, 404}


@pytest.mark.parametrize("number", ["0/0/0/1", "0/0/1/1"], ids=["file", "folder"])
def test_nginx_follows_no_link_below_a_mag(live, nginx, number):
    c, z, y, x = number.split("/")
    door = live.address("linked", door="datasets").replace("/color", "/proxy/layers/color/mags")
    for address in (f"{live.address('linked')}/1/c/{number}", f"{door}/1/c/{c}/{x}/{y}/{z}"):
        answer = requests.get(f"{nginx.url}{address}", timeout=10)
        assert answer.status_code == 422
        assert b"secret" not in answer.content
    # A mag that is a link itself is sent by nginx as any other: see its ETag.
    good = requests.get(f"{nginx.url}{live.address('linked')}/1/c/0/0/0/0", timeout=10)
    assert "-" in good.headers["ETag"]


def ends_in_time(is_so: Callable[[], bool]) -> None:
    """Waits until it is not so any more; whoever asks from the eleventh second on learns that.

    What counts is when a request is sent: on a busy machine its answer may come late.
    """
    began = asked = time.monotonic()
    while is_so():
        assert asked - began < 11
        time.sleep(0.1)
        asked = time.monotonic()


def test_behind_nginx_a_revoked_link_ends_within_ten_seconds(live, nginx):
    address = f"{nginx.url}{live.chunk(link=2)}"
    assert requests.get(address, timeout=10).status_code == 200
    live.revoke("aligned", 2)
    ends_in_time(lambda: requests.get(address, timeout=10).status_code == 200)
    assert requests.get(address, timeout=10).status_code == 404


def test_behind_nginx_a_right_is_not_prolonged_while_the_site_hangs(live, nginx):
    address = f"{nginx.url}{live.chunk(link=3)}"

    def is_served() -> bool:
        try:
            return requests.get(address, timeout=1).status_code == 200
        except requests.Timeout:
            return False

    assert requests.get(address, timeout=10).status_code == 200
    os.killpg(live.web.process.pid, signal.SIGSTOP)
    try:
        ends_in_time(is_served)
    finally:
        os.killpg(live.web.process.pid, signal.SIGCONT)
    assert requests.get(address, timeout=30).status_code == 200


def test_behind_nginx_replaced_data_is_sent_within_ten_seconds(live, nginx):
    address = f"{nginx.url}{live.address('linked')}/1/c/0/0/0/0"
    assert requests.get(address, timeout=10).content != b"another chunk"
    run(live.environment, REPLACE, live.datasets["linked"]["id"], str(live.folder))
    ends_in_time(lambda: requests.get(address, timeout=10).content != b"another chunk")
