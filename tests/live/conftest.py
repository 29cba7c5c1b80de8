"""One running demonstration for all tests that need the whole site."""

from collections.abc import Iterator

import pytest
import requests

from tests.live.site import Demo, running_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


@pytest.fixture
def api(demo: Demo) -> requests.Session:
    session = requests.Session()
    session.headers["X-Auth-Token"] = demo.sign_in["token"]
    return session
