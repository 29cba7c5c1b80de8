"""The public `webknossos` library, unchanged, edits and deletes a dataset through every version of
the API that it speaks.

Uploads, composing, uploads to paths and exploration have tests of their own.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.live.site import ROOT, Demo, datasets
from tests.live.waiting import until

CLIENT = ROOT / ".venv-client" / "bin" / "python"
SCRIPT = Path(__file__).with_name("library_datasets.py")
SAMPLE = "sample_neuropil_zarr"

pytestmark = [
    pytest.mark.live,
    pytest.mark.peer,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not CLIENT.exists(), reason="no .venv-client: `make test` makes it"),
]


def copy_of_sample(demo: Demo, name: str) -> Path:
    organization = demo.data_dir / "binaryData" / "sample_organization"
    shutil.copytree(organization / SAMPLE, organization / f".{name}")
    (organization / f".{name}").rename(organization / name)
    demo.manage("scan")
    return organization / name


def run(demo: Demo, version: str, *arguments: str) -> dict[str, Any]:
    """What the library saw after each step."""
    process = subprocess.run(
        [CLIENT, "-W", "ignore", SCRIPT, *arguments],
        env={
            "WK_URL": f"http://localhost:{demo.port}",
            "WK_TOKEN": demo.sign_in["token"],
            "PATH": "/usr/bin:/bin",
            "API": version,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return dict(json.loads(process.stdout.splitlines()[-1]))


@pytest.mark.parametrize("version", ["13", "14", "15", "16"])
def test_the_library_edits_and_deletes_a_dataset(
    version: str, demo: Demo, api: requests.Session
) -> None:
    name = f"edited_by_library_{version}"
    directory = copy_of_sample(demo, name)
    site = f"http://localhost:{demo.port}"
    dataset_id = until(lambda: datasets(demo, api).get(name))["id"]
    team_id = api.get(f"{site}/api/teams").json()[0]["id"]
    seen = run(demo, version, dataset_id, team_id)
    last_layer = seen.pop("last layer")
    assert "There is no layer; add at least one" in last_layer
    assert seen == {
        "url": f"{site}/datasets/{dataset_id}",
        "name": "Mouse: brain, sample A",
        "description": "acquired on *June 1st*",
        "description deleted": None,
        "tags": ["published", "verified"],
        "metadata": {"species": "mouse", "age": 42, "ratio": 7, "checks": ["a", "b"]},
        "metadata edited singly": {"species": "rat", "age": 42, "checks": ["a", "b"]},
        "tags after that": ["published", "verified"],
        "public": True,
        "not public": False,
        "teams": [team_id],
        "no team": [],
        "moved to a folder": True,
        "opened by link": ["color", "segmentation"],
        "token kept": True,
        "found by name": True,
        "found by id": True,
        "found by url": True,
        "listed by name": True,
        "listed by tag": True,
        "not listed": [],
        "listed in its folder": True,
        "layer renamed": ["em", "segmentation"],
        "read under its new name": True,
        "box": "BoundingBox(topleft=(0, 0, 0), size=(16, 16, 16))",
        "layer's view": [255, 0, 0],
        "resolved view": [255, 0, 0],
        "dataset's view": [1, 2, 3],
        "largest id": 1234,
        "no largest id": None,
        "layer added": [["em", "new", "segmentation"], "uint16", 0],
        "colour layer added": 3,
        "big id": 2**53 + 1,
        "others untouched": ["1", "2-2-1", "4-4-2", "8-8-4"],
        "layers deleted": ["em", "segmentation"],
        "mag deleted": ["1", "2-2-1", "4-4-2"],
        "transformation": 1,
        "deleted": True,
        "not listed any more": False,
    }
    assert not directory.exists()
    trash = directory.parent / ".trash"
    assert until(lambda: not any(trash.iterdir()))
