"""The public `webknossos` library, unchanged, composes datasets and uploads to paths, in each mode
of transfer, and reads back what it wrote in every way that it knows.

The script that it runs asserts what only the library can tell; here is what others see of it.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.live.site import ROOT, Demo, running_demo

CLIENT = ROOT / ".venv-client" / "bin" / "python"
SCRIPT = Path(__file__).with_name("library_compose_and_paths.py")
ORGANIZATION = "sample_organization"
MAKE_PRELIMINARY = """
from datasets.services.creation import create_dataset
from sharing.access import actor_for
from sharing.models import User
print(create_dataset(actor=actor_for(User.objects.get(is_superuser=True)), name="{name}",
    organization_id="{organization}", status="Not yet fully uploaded.").pk)
"""

pytestmark = [
    pytest.mark.live,
    pytest.mark.peer,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not CLIENT.exists(), reason="no .venv-client: `make test` makes it"),
]


@pytest.fixture(scope="module")
def shared_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place of the library's that the operator allows data to be linked from."""
    return tmp_path_factory.mktemp("shared-disk")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, shared_disk: Path) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("paths")
    with running_demo(folder, ALLOWED_DATA_PATHS=str(shared_disk)) as demo:
        yield demo


def library(demo: Demo, shared_disk: Path, outside: Path, version: str) -> dict[str, Any]:
    """What the library did, as the script prints it."""
    name = f"paths_v{version}"
    code = MAKE_PRELIMINARY.format(name=f"{name}_preliminary", organization=ORGANIZATION)
    preliminary = demo.manage("shell", "-c", code).split()[-1]
    process = subprocess.run(
        [CLIENT, "-W", "ignore", SCRIPT, shared_disk, name],
        env={
            "WK_URL": f"http://localhost:{demo.port}",
            "WK_TOKEN": demo.sign_in["token"],
            "PATH": "/usr/bin:/bin",
            "API": version,
            "OUTSIDE": str(outside),
            "PRELIMINARY": preliminary,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return {**json.loads(process.stdout.splitlines()[-1]), "preliminary": preliminary}


@pytest.mark.parametrize("version", ["13", "14", "15", "16"])
def test_the_library_composes_and_uploads_to_paths(
    demo: Demo, api: requests.Session, shared_disk: Path, tmp_path: Path, version: str
) -> None:
    done = library(demo, shared_disk, tmp_path, version)
    site = f"http://localhost:{demo.port}/api/v{version}/datasets"
    organization = demo.data_dir / "binaryData" / ORGANIZATION

    assert "ALLOWED_DATA_PATHS" in done["refusal"]
    stray = api.get(site, params={"searchQuery": f"paths_v{version}_stray"}).json()[0]
    unfinished = api.get(f"{site}/{stray['id']}").json()
    assert unfinished["dataSource"]["status"] == "Not yet marked as fully uploaded to paths."

    places = {}
    for mode, dataset_id in done["uploaded"].items():
        shown = api.get(f"{site}/{dataset_id}").json()
        assert (shown["isVirtual"], shown["creationType"]) == (True, "UploadToPaths")
        assert shown["usedStorageBytes"] == done["used"][mode] > 0
        directory = organization / shown["directoryName"]
        for layer in shown["dataSource"]["dataLayers"]:
            for mag in layer["mags"]:
                assert Path(mag["path"]).is_relative_to(directory)
        places[mode] = directory / "color" / "1"
    assert places["COPY"].is_dir()
    assert not places["COPY"].is_symlink()
    assert os.path.realpath(shared_disk / f"paths_v{version}_move_and_symlink/color/1") == str(
        places["MOVE_AND_SYMLINK"]
    )
    assert os.path.realpath(places["SYMLINK"]) == str(
        shared_disk / f"paths_v{version}_symlink/color/1"
    )

    # Scans leave them alone, and others learn nothing of them.
    demo.manage("scan")
    for dataset_id in (*done["uploaded"].values(), done["target"], done["preliminary"]):
        assert api.get(f"{site}/{dataset_id}").json()["isActive"]
        hidden = requests.get(f"{site}/{dataset_id}", timeout=30)
        assert hidden.status_code == 404
        parts = api.get(f"{site}/{dataset_id}/usedStorageDetails").json()
        assert parts
        assert all(part["usedStorageBytes"] > 0 for part in parts)
