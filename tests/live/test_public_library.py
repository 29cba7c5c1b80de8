"""The public `webknossos` library, unchanged, reads every dataset that this site streams.

It runs in an environment of its own (`.venv-client`): its pins clash with ours, and it is AGPL.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from datasets.properties import DataSource, ElementClass, files
from datasets.voxels.box import Box
from datasets.voxels.open import open_mag
from tests.live.site import ROOT, Demo, datasets
from tests.live.waiting import until

CLIENT = ROOT / ".venv-client" / "bin" / "python"
SCRIPT = Path(__file__).with_name("library_reads.py")
REAL = [
    "simple_wkw_dataset",
    "simple_zarr_dataset",
    "simple_zarr3_dataset",
    "simple_ng_dataset",
    "simple_ng_dataset2",
]

pytestmark = [
    pytest.mark.live,
    pytest.mark.peer,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not CLIENT.exists(), reason="no .venv-client: `make test` makes it"),
]


def library(demo: Demo, *names: str, **environment: str) -> dict[str, Any]:
    """What the library reads of these datasets: by dataset and layer, an array's file and box."""
    run = subprocess.run(
        [CLIENT, "-W", "ignore", SCRIPT, demo.data_dir.parent, *names],
        env={
            "WK_URL": f"http://localhost:{demo.port}",
            "WK_TOKEN": demo.sign_in["token"],
            "PATH": "/usr/bin:/bin",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    result: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return result


def stored(dataset: Path, layer_name: str, mag: str, box: Box) -> np.ndarray[Any, Any]:
    """The same box, read from disk by our own reader."""
    data_source: DataSource = files.read(dataset / "datasource-properties.json")
    layer = data_source.layer(layer_name)
    assert layer is not None
    (properties,) = [entry for entry in layer.mags if entry.mag.literal == mag]
    directory = dataset / (properties.path or f"{layer_name}/{mag}")
    if not directory.exists():
        directory = dataset / layer_name / properties.mag.long_literal
    array = open_mag(
        directory, layer.data_format.value, element_class=ElementClass(layer.element_class)
    )
    return array.read(box)


def compare(demo: Demo, read: dict[str, Any]) -> None:
    organization = demo.data_dir / "binaryData" / "sample_organization"
    assert read
    for name, layers in read.items():
        assert layers, f"the library saw no layer of {name}"
        for layer, result in layers.items():
            box = Box(tuple(result["offset"]), tuple(result["size"]))
            expected = stored(organization / name, layer, result["mag"], box)
            actual = np.load(result["file"])
            assert actual.dtype == expected.dtype
            np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("version", ["13", "14", "15", "16"])
def test_it_reads_the_samples_in_every_version_of_the_api(demo: Demo, version: str) -> None:
    read = library(
        demo, "sample_neuropil_wkw", "sample_neuropil_zarr", "sample_cell_culture", API=version
    )
    assert set(read["sample_neuropil_wkw"]) == {"color", "segmentation"}
    compare(demo, read)
    neuropil = np.load(read["sample_neuropil_zarr"]["color"]["file"])
    assert len(np.unique(neuropil)) > 50


def test_it_reads_real_datasets_put_on_disk(
    demo: Demo, api: requests.Session, samples: Path
) -> None:
    organization = demo.data_dir / "binaryData" / "sample_organization"
    for name in REAL:
        aside = organization / f".{name}"
        shutil.copytree(samples / name, aside, copy_function=shutil.copyfile)
        aside.chmod(0o755)
        aside.rename(organization / name)
    site = f"http://localhost:{demo.port}"
    demo.manage("scan")
    found = until(lambda: (rows := datasets(demo, api)) and set(REAL) <= set(rows) and rows)
    assert {name: found[name]["status"] for name in REAL} == dict.fromkeys(REAL, ""), site
    compare(demo, library(demo, *REAL))
