"""The command line of the public library works against a running site as it does elsewhere."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from tests.live.site import Demo
from tests.live.test_public_library import CLIENT

COMMAND = CLIENT.with_name("webknossos")
# For what costs the site nothing: without it each step would start an interpreter per core.
IN_ONE_PROCESS = ("--distribution-strategy", "sequential")
MAKE_DATASET = """
import sys
import numpy
import webknossos
dataset = webknossos.Dataset(sys.argv[1], voxel_size=(10, 10, 20))
layer = dataset.add_layer(
    "color",
    "color",
    dtype_per_channel="uint8",
    bounding_box=webknossos.BoundingBox((0, 0, 0), (64, 64, 32)),
)
values = numpy.random.default_rng(1).integers(0, 255, (64, 64, 32), dtype=numpy.uint8)
layer.add_mag(1, shard_shape=64).write(values)
"""

pytestmark = [
    pytest.mark.live,
    pytest.mark.peer,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not CLIENT.exists(), reason="no .venv-client: `make test` makes it"),
]


def run(demo: Demo, *command: object) -> str:
    """What the command said; fails the test where it fails."""
    done = subprocess.run(
        list(map(str, command)),
        env={
            "WK_URL": f"http://localhost:{demo.port}",
            "WK_TOKEN": demo.sign_in["token"],
            "PATH": "/usr/bin:/bin",
            "PYTHONWARNINGS": "ignore",
            "COLUMNS": "200",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def described(demo: Demo, api: requests.Session, name: str) -> dict[str, Any]:
    """The newest dataset of this name, as the API gives it."""
    address = f"http://localhost:{demo.port}/api/datasets"
    found = api.get(address, params={"searchQuery": name}).json()
    whole: dict[str, Any] = api.get(f"{address}/{found[0]['id']}").json()
    return whole


def mags(dataset: dict[str, Any]) -> list[list[int]]:
    (layer,) = dataset["dataSource"]["dataLayers"]
    return [mag["mag"] for mag in layer["mags"]]


def test_a_dataset_goes_up_is_downsampled_there_copied_and_comes_down_again(
    demo: Demo, api: requests.Session, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    run(demo, CLIENT, "-c", MAKE_DATASET, source)
    run(demo, COMMAND, "upload", source, "--dataset-name", "from_the_command_line")
    dataset = described(demo, api, "from_the_command_line")
    assert mags(dataset) == [[1, 1, 1]]
    page = f"http://localhost:{demo.port}/datasets/{dataset['id']}"

    down = tmp_path / "down"
    run(demo, COMMAND, "download", down, "--url", page)
    run(demo, COMMAND, "check-equality", source, down, *IN_ONE_PROCESS)

    run(demo, COMMAND, "downsample", page, "--coarsest-mag", "4-4-2")
    assert mags(described(demo, api, "from_the_command_line")) == [[1, 1, 1], [2, 2, 1], [4, 4, 2]]

    site = f"http://localhost:{demo.port}"
    token = api.get(f"{site}/api/datasets/{dataset['id']}/sharingToken").json()["sharingToken"]
    streamed, copied, again = (
        f"{site}/data/t/{token}/zarr/{dataset['id']}/",
        tmp_path / "copied",
        tmp_path / "again",
    )
    run(demo, COMMAND, "copy-dataset", streamed, copied, "--data-format", "zarr3", *IN_ONE_PROCESS)
    run(demo, COMMAND, "download", again, "--url", page)
    run(demo, COMMAND, "check-equality", copied, again, *IN_ONE_PROCESS)


def test_pictures_are_converted_and_uploaded(
    demo: Demo, api: requests.Session, tmp_path: Path
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    ramp = np.add.outer(np.arange(64), np.arange(80))
    for z in range(32):
        Image.fromarray((ramp + z).astype(np.uint8)).save(pictures / f"slice_{z:03}.png")
    run(
        demo,
        *(COMMAND, "convert", "--voxel-size", "11,11,25", "--layer-name", "em"),
        *("--category", "color", "--no-downsample", "--shard-shape", "64", *IN_ONE_PROCESS),
        *("--upload", "--name", "converted_there", pictures),
    )
    dataset = described(demo, api, "converted_there")
    assert dataset["dataSource"]["scale"] == {"factor": [11, 11, 25], "unit": "nanometer"}
    query = "x=3&y=5&z=0&width=1&height=1&depth=32&mag=1"
    address = (
        f"http://localhost:{demo.port}/data/v15/datasets/{dataset['id']}/layers/em/data?{query}"
    )
    assert list(api.get(address).content) == [8 + z for z in range(32)]
