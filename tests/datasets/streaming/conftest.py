"""What tests of streaming share: requests through the fast path, and a clean memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections

from bench.streaming.servers import Server
from datasets.streaming import access, open_mags
from datasets.streaming.fast_path import in_front_of
from tests.datasets.streaming.live_servers import Live, live_servers


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes


Get = Callable[..., Response]
django_application = get_wsgi_application()


def ask(
    application: Any,
    url: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> Response:
    """Ask a WSGI application as a server would."""
    parts = urlsplit(url)
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(parts.path, "latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
        "wsgi.url_scheme": "http",
        "wsgi.errors": BytesIO(),
    }
    for name, value in (headers or {}).items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    answered: dict[str, Any] = {}

    def start_response(status: str, response_headers: list[tuple[str, str]]) -> None:
        answered["status"] = int(status.split()[0])
        answered["headers"] = dict(response_headers)

    parts_of_body = application(environ, start_response)
    data = b"".join(parts_of_body)
    if hasattr(parts_of_body, "close"):
        parts_of_body.close()
    return Response(answered["status"], answered["headers"], data)


def forget() -> None:
    """Forget what was decided and opened, as when the access generation is raised.

    Inside of a test's transaction nothing is committed, so that nothing raises it.
    """
    access.forget()
    open_mags._open_mags.clear()


def _fails(environ: Any, start_response: Any) -> list[bytes]:
    raise AssertionError(f"{environ['PATH_INFO']} was handed on to Django")


@pytest.fixture(autouse=True)
def _own_directories(settings: Any, tmp_path: Path) -> None:
    settings.BINARY_DATA_DIR = tmp_path / "binaryData"
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture(autouse=True)
def _connections_stay_open() -> Iterator[None]:
    """As Django's own test client does: its requests would end the test's transaction."""
    ends = (signals.request_started, signals.request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield
    for signal in ends:
        signal.connect(close_old_connections)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.fixture
def fast_path() -> Any:
    """The fast path alone: what it hands on to Django fails the test."""
    return in_front_of(_fails)


@pytest.fixture(params=["fast path", "Django"])
def get(request: pytest.FixtureRequest, fast_path: Any) -> Get:
    """Ask for data through each of the two doors, which must answer the same."""
    application = fast_path if request.param == "fast path" else django_application
    return partial(ask, application)


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_servers(tmp_path_factory.mktemp("live")) as servers:
        yield servers


@pytest.fixture
def nginx(live: Live) -> Server:
    if live.nginx is None:
        pytest.skip("nginx is not installed")
    return live.nginx
