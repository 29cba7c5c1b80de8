"""One running demonstration for all tests that need the whole site."""

import signal
from collections.abc import Iterator

import pytest
import requests

from tests.live.site import Demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    demo = Demo(tmp_path_factory.mktemp("demo") / "var")
    yield demo
    if demo.process.poll() is None:
        demo.stop(signal.SIGTERM)


@pytest.fixture
def api(demo: Demo) -> requests.Session:
    session = requests.Session()
    session.headers["X-Auth-Token"] = demo.sign_in["token"]
    return session
