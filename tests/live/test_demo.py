"""`manage.py demo` as a newcomer meets it: one command, a real dataset, no process left behind."""

import io
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from PIL import Image

from tests.live.site import Demo, datasets, processes_of
from tests.live.waiting import until

SAMPLE = "sample_neuropil_zarr"

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(600),
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the command's demo is on SQLite"),
]


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


def test_it_starts_again_over_the_same_data_and_leaves_no_process_behind(
    demo: Demo, tmp_path: Path
) -> None:
    data_dir = tmp_path / "var"
    shutil.copytree(demo.data_dir / "binaryData", data_dir / "binaryData")
    sign_ins = []
    for number in (signal.SIGTERM, signal.SIGINT):
        own = Demo(data_dir)
        sign_ins.append((own.sign_in["password"], own.sign_in["token"]))
        assert len(processes_of(data_dir)) > 3  # the command, web, worker, beat
        assert own.stop(number) == 0
        assert processes_of(data_dir) == []
    assert sign_ins[0] == sign_ins[1]
