"""The real servers of the site: two processes, which strangers and slow senders may not block."""

import socket
import time

import pytest
import requests

pytestmark = pytest.mark.live


def test_a_revoked_link_ends_at_once_in_every_process(live):
    address = f"{live.web.url}{live.chunk(link=1)}"

    def statuses() -> set[int]:
        """Of many new connections, which the two processes share among them."""
        return {
            requests.get(address, headers={"Connection": "close"}, timeout=10).status_code
            for _ in range(40)
        }

    assert statuses() == {200}
    live.revoke("aligned", 1)
    assert statuses() == {404}


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
            answer = requests.get(f"{live.web.url}{live.chunk()}", timeout=15)
            assert answer.status_code == 200
        # Uploads that stood in the way would do so for good.
        assert time.monotonic() - started < 20
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
        for address in ("/readyz", "/auth/login", live.chunk()) * 10:
            answer = requests.get(
                f"{live.web.url}{address}", headers={"Connection": "close"}, timeout=5
            )
            assert answer.status_code == 200
    finally:
        for connection in connections:
            connection.close()
