"""What the site streams, as the readers of others see it, past nginx and without."""

import subprocess

import numpy as np
import pytest
import requests
import tensorstore as ts
import zarr
from zarr.core.buffer import Buffer, default_buffer_prototype
from zarr.storage import MemoryStore

from bench.streaming.servers import ROOT

pytestmark = pytest.mark.live


@pytest.fixture(params=["site", "nginx"])
def url(request, live):
    return live.web.url if request.param == "site" else request.getfixturevalue("nginx").url


class FilesOver(dict):
    """The files below an address, each asked for when it is needed."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def __missing__(self, key: str) -> Buffer:
        answer = requests.get(f"{self._address}/{key}", timeout=10)
        if answer.status_code == 404:
            raise KeyError(key)
        assert answer.status_code == 200
        return default_buffer_prototype().buffer.from_bytes(answer.content)


@pytest.mark.parametrize("name", ["aligned", "offset"])
def test_zarr_python_opens_the_copied_link(live, url, name):
    store = MemoryStore(FilesOver(f"{url}{live.address(name)}"), read_only=True)
    group = zarr.open_group(store, mode="r")
    mags = [entry["path"] for entry in group.attrs["ome"]["multiscales"][0]["datasets"]]
    for mag in mags:
        voxels = np.asarray(group[mag][...]).transpose(0, 3, 2, 1)
        np.testing.assert_array_equal(voxels, live.voxels(name, mag))


@pytest.mark.parametrize("name", ["aligned", "offset"])
def test_tensorstore_opens_the_copied_link(live, url, name):
    spec = {"driver": "zarr3", "kvstore": f"{url}{live.address(name)}/1/"}
    voxels = ts.open(spec).result().read().result()
    np.testing.assert_array_equal(voxels.transpose(0, 3, 2, 1), live.voxels(name))


def test_tensorstore_opens_zarr_v2_and_the_stored_files(live, url):
    v2 = {"driver": "zarr", "kvstore": f"{url}{live.address('aligned', door='zarr')}/1/"}
    np.testing.assert_array_equal(ts.open(v2).result().read().result(), live.voxels("aligned"))
    door = live.address("aligned", door="datasets").replace("/color", "/proxy/layers/color/mags/1/")
    stored = ts.open({"driver": "zarr3", "kvstore": f"{url}{door}"}).result().read().result()
    np.testing.assert_array_equal(stored, live.voxels("aligned"))


LIBRARY = """
import sys
import numpy as np
import webknossos as wk
for address, file in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    layer = wk.Dataset.open(address).get_layer("color")
    for name, stored in np.load(file).items():
        view = layer.get_mag(name.removeprefix("m"))
        assert np.array_equal(view.read(), stored), (address, name)
print("equal")
"""


@pytest.mark.peer
def test_the_public_library_opens_the_data(live, url):
    python = ROOT / ".venv-client" / "bin" / "python"
    if not python.exists():
        pytest.skip("the public library is not installed: .venv-client is missing (make test)")
    arguments = []
    for name in ("aligned", "offset"):
        door = live.address(name, door="zarr").removesuffix("color")
        arguments += [f"{url}{door}", str(live.folder / f"{name}.npz")]
    found = subprocess.run([python, "-c", LIBRARY, *arguments], check=True, stdout=subprocess.PIPE)
    assert found.stdout.split()[-1] == b"equal"
