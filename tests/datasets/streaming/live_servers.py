"""Two processes of the site and nginx before them, as in production, for the tests of those."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.streaming.servers import ROOT, Server, nginx_before, site

# Runs in a process of its own: the site's settings are made from its environment.
PREPARE = """
import json, shutil, sys
from pathlib import Path
import django
from django.core.management import call_command
django.setup()
call_command("migrate", verbosity=0)
from sharing.services.links import create_link, reveal_token
import numpy as np
import tests
# Some installed package brings a `tests` of its own, which would win.
tests.__path__ = [sys.argv[2]]
from tests.datasets.streaming.streamed_data import make_streamed
streamed = make_streamed(
    size=(150, 90, 70), top_left=(0, 0, 0), element_class="uint16",
    mags=((1, 1, 1), (2, 2, 1)), options={"shard": None, "chunk": 32},
)
offset = make_streamed(size=(50, 40, 30), top_left=(7, 5, 3), data_format="wkw")
linked = make_streamed(options={"shard": None, "chunk": 32})
mag, elsewhere = linked.directory / "color" / "1", Path(sys.argv[1]) / "elsewhere"
(elsewhere / "1").mkdir(parents=True)
(elsewhere / "1" / "0").write_text("secret")
shutil.rmtree(mag / "c" / "0" / "1")
(mag / "c" / "0" / "1" / "0").mkdir(parents=True)
(mag / "c" / "0" / "1" / "0" / "0").symlink_to(elsewhere / "1" / "0")
(mag / "c" / "0" / "1" / "1").symlink_to(elsewhere / "1")
mag.rename(elsewhere / "mag")
mag.symlink_to(elsewhere / "mag")
ids = {}
for name, made in (("aligned", streamed), ("offset", offset), ("linked", linked)):
    np.savez(f"{sys.argv[1]}/{name}.npz", **{f"m{mag}": v for mag, v in made.voxels.items()})
    links = [create_link(thing=made.dataset, name=str(n), created_by=None) for n in range(4)]
    ids[name] = {"id": made.id, "links": {link.pk: reveal_token(link) for link in links}}
print(json.dumps(ids))
"""
REVOKE = """
import sys
import django
django.setup()
from sharing.models import SharingLink
from sharing.services.links import revoke_link
revoke_link(link=SharingLink.objects.get(pk=sys.argv[1]))
"""
# The mag becomes a link to another directory, in which one chunk differs.
REPLACE = """
import shutil, sys
from pathlib import Path
import django
django.setup()
from datasets.models import Dataset
from datasets.storage.local import dataset_directory
dataset = Dataset.objects.get(pk=sys.argv[1])
mag = dataset_directory(dataset) / "color" / "1"
new = Path(sys.argv[2]) / "new"
shutil.copytree(mag, new, symlinks=True)
(new / "c" / "0" / "0" / "0" / "0").write_bytes(b"another chunk")
mag.unlink()
mag.symlink_to(new)
dataset.version += 1
dataset.save()
"""


@dataclass
class Live:
    web: Server
    nginx: Server | None
    environment: dict[str, str]
    folder: Path
    datasets: dict

    def address(self, name: str, *, link: int = 0, door: str = "ome-zarr") -> str:
        token = list(self.datasets[name]["links"].values())[link]
        suffix = ".zarr" if door == "ome-zarr" else ""
        return f"/data/t/{token}/{door}/{self.datasets[name]['id']}{suffix}/color"

    def chunk(self, **options) -> str:
        """A chunk that is a whole file."""
        return f"{self.address('aligned', **options)}/1/c/0/1/1/1"

    def voxels(self, name: str, mag: str = "1") -> np.ndarray:
        return np.load(self.folder / f"{name}.npz")[f"m{mag}"]

    def revoke(self, name: str, link: int) -> None:
        identifier = list(self.datasets[name]["links"])[link]
        run(self.environment, REVOKE, identifier)


def run(environment: dict[str, str], program: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


@contextlib.contextmanager
def live_servers(folder: Path) -> Iterator[Live]:
    """The servers over data that is made for them; without nginx where it is not installed."""
    environment = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "BEHIND_PROXY": "true",
        "DJANGO_SETTINGS_MODULE": "webknossos_site.settings",
        "PYTHONPATH": str(ROOT),
    }
    datasets = json.loads(
        run(environment, PREPARE, str(folder), str(ROOT / "tests")).splitlines()[-1]
    )
    with site(environment, workers=2, threads=4) as web, contextlib.ExitStack() as stack:
        nginx = None
        if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
            nginx = stack.enter_context(nginx_before(web, folder / "nginx", folder / "data"))
        yield Live(web, nginx, environment, folder, datasets)
