"""`manage.py demo` as a newcomer meets it: one command, a real dataset, no process left behind."""

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = "sample_neuropil_zarr"

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(300)]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """The condition's first true value; fails the test where there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.2)
    pytest.fail(f"not reached within {seconds} s: {condition}")


class Demo:
    """A running demonstration over a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self._log = data_dir.parent / f"demo-{self.port}.log"
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
        }
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "demo"],
                cwd=ROOT,
                env={**environment, "DATA_DIR": str(data_dir), "PORT": str(self.port)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until(lambda: "Ready:" in self.output() or self.process.poll() is not None, 120)
        assert self.process.poll() is None, self.output()

    def output(self) -> str:
        return self._log.read_text()

    @property
    def sign_in(self) -> dict[str, str]:
        content: dict[str, str] = json.loads((self.data_dir / "demo.json").read_text())
        return content

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(40)


def processes_of(data_dir: Path) -> list[str]:
    """The command lines of the processes that were started over this data directory."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if f"DATA_DIR={data_dir}".encode() in environment and command:
            found.append(command)
    return found


@pytest.fixture(scope="module")
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


@pytest.fixture
def browser(demo: Demo) -> Iterator[requests.Session]:
    """Somebody signed in through the page."""
    with requests.Session() as session:
        page = session.get(f"http://localhost:{demo.port}/")
        answer = session.post(
            page.url,
            data={
                "csrfmiddlewaretoken": _form_token(page.text),
                "username": demo.sign_in["email"],
                "password": demo.sign_in["password"],
            },
        )
        assert answer.status_code == 200
        assert SAMPLE in answer.text
        yield session


def _form_token(page: str) -> str:
    match = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert match is not None
    return match[1]


def datasets(demo: Demo, api: requests.Session) -> dict[str, dict[str, Any]]:
    answer = api.get(f"http://localhost:{demo.port}/api/datasets")
    return {dataset["name"]: dataset for dataset in answer.json()}


def test_it_says_where_and_how_to_sign_in(demo: Demo) -> None:
    output = demo.output()
    assert f"Ready: http://localhost:{demo.port}\n" in output
    assert demo.sign_in["email"] in output
    assert demo.sign_in["password"] in output
    assert demo.sign_in["url"] == f"http://localhost:{demo.port}"


def test_the_sign_in_file_is_for_its_owner_only(demo: Demo) -> None:
    assert (demo.data_dir / "demo.json").stat().st_mode & 0o777 == 0o600


def test_the_samples_are_there_and_can_be_used(demo: Demo, api: requests.Session) -> None:
    found = datasets(demo, api)
    assert len(found) == 3
    assert {dataset["isActive"] for dataset in found.values()} == {True}
    assert found[SAMPLE]["segmentationLayerNames"] == ["segmentation"]


def test_a_thumbnail_shows_an_image(demo: Demo, api: requests.Session) -> None:
    dataset_id = datasets(demo, api)[SAMPLE]["id"]
    layer = f"http://localhost:{demo.port}/api/datasets/{dataset_id}/layers/color"
    answer = api.get(f"{layer}/thumbnail?w=200&h=200")
    image = Image.open(io.BytesIO(answer.content)).convert("L")
    assert image.size == (200, 200)
    assert len(image.getcolors() or []) > 100


def test_a_dataset_put_on_disk_is_found_by_the_scan_that_the_page_offers(
    demo: Demo, api: requests.Session, browser: requests.Session
) -> None:
    site = f"http://localhost:{demo.port}"
    organization = demo.data_dir / "binaryData" / "sample_organization"
    shutil.copytree(organization / SAMPLE, organization / ".new")
    (organization / ".new").rename(organization / "put_on_disk")
    token = _form_token(browser.get(f"{site}/").text)
    answer = browser.post(f"{site}/jobs/scan", data={"csrfmiddlewaretoken": token})
    assert answer.status_code == 200
    found = until(lambda: datasets(demo, api).get("put_on_disk"))
    assert found["isActive"] is True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_again_over_the_same_data_and_leaves_no_process_behind(
    demo: Demo, number: signal.Signals
) -> None:
    before = demo.sign_in
    if demo.process.poll() is None:
        assert demo.stop(signal.SIGTERM) == 0
    again = Demo(demo.data_dir)
    try:
        assert (again.sign_in["password"], again.sign_in["token"]) == (
            before["password"],
            before["token"],
        )
        assert processes_of(demo.data_dir)
    finally:
        code = again.stop(number)
    assert code == 0
    assert until(lambda: not processes_of(demo.data_dir), 10)
