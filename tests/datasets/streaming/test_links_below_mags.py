"""Links that lie in a dataset open nothing but what the dataset may read, whatever is asked for."""

import json
from pathlib import Path

import pytest

from datasets.properties import DataSource
from datasets.services import data_source
from tests.datasets.streaming.conftest import forget
from tests.datasets.streaming.streamed_data import LAYER, Streamed, make_streamed

pytestmark = pytest.mark.django_db

SECRET = b"the site's secret key"
DIALECTS = ["zarr", "ome-zarr", "viewer", "proxy"]


@pytest.fixture
def streamed() -> Streamed:
    return make_streamed(fields={"is_public": True}, options={"shard": None, "chunk": 32})


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "c" / "0" / "0" / "0" / "0"
    path.parent.mkdir(parents=True)
    path.write_bytes(SECRET)
    return path


def chunk_url(streamed: Streamed, dialect: str) -> str:
    if dialect == "viewer":
        return f"/data/viewer/{streamed.id}/{streamed.dataset.version}/{LAYER}/1/c/0/0/0/0"
    if dialect == "proxy":
        return f"/data/datasets/{streamed.id}/proxy/layers/{LAYER}/mags/1/c/0/0/0/0"
    key = "0.0.0.0" if dialect == "zarr" else "c/0/0/0/0"
    return f"/data/{dialect}/{streamed.id}/{LAYER}/1/{key}"


def replace_by_link(path: Path, target: Path) -> None:
    path.rename(path.with_name(f"{path.name} before"))
    path.symlink_to(target)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("depth", range(5), ids=["file", "y", "z", "c", "all"])
def test_no_link_below_a_mag_opens_what_lies_outside(get, streamed, secret, dialect, depth):
    chunk = streamed.directory / LAYER / "1" / "c" / "0" / "0" / "0" / "0"
    assert chunk.is_file()
    replace_by_link([chunk, *chunk.parents][depth], [secret, *secret.parents][depth])
    answer = get(chunk_url(streamed, dialect))
    assert answer.status == 422
    assert SECRET not in answer.body
    assert "elsewhere" not in answer.body.decode()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_where_the_operator_allows_it_links_are_followed(
    get, streamed, tmp_path, settings, dialect
):
    before = get(chunk_url(streamed, dialect))
    chunk = streamed.directory / LAYER / "1" / "c"
    (tmp_path / "cluster").mkdir()
    chunk.rename(tmp_path / "cluster" / "c")
    chunk.symlink_to(tmp_path / "cluster" / "c")
    settings.ALLOWED_DATA_PATHS = [tmp_path / "cluster"]
    forget()
    assert get(chunk_url(streamed, dialect)).body == before.body


@pytest.mark.parametrize("depth", range(3), ids=["mag", "layer", "dataset"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dataset_layer_or_mag_may_be_a_link_to_anywhere(get, streamed, tmp_path, dialect, depth):
    before = get(chunk_url(streamed, dialect))
    linked = [streamed.directory / LAYER / "1", streamed.directory / LAYER, streamed.directory]
    linked[depth].rename(tmp_path / "cluster")
    linked[depth].symlink_to(tmp_path / "cluster")
    forget()
    assert get(chunk_url(streamed, dialect)).body == before.body


@pytest.mark.parametrize("place", ["the mag", "a place that is allowed"])
def test_the_sites_own_files_are_never_served(get, streamed, tmp_path, settings, place):
    settings.DATA_DIR = tmp_path
    (tmp_path / "secret_key").write_bytes(SECRET)
    mag = streamed.directory / LAYER / "1"
    if place == "the mag":
        replace_by_link(mag, tmp_path)
    else:
        settings.ALLOWED_DATA_PATHS = [tmp_path.parent]
        (mag / "secret_key").symlink_to(tmp_path / "secret_key")
    forget()
    stored = chunk_url(streamed, "proxy").removesuffix("c/0/0/0/0")
    answer = get(f"{stored}secret_key")
    assert answer.status == (410 if place == "the mag" else 422)
    assert SECRET not in answer.body


def test_a_mag_that_holds_the_sites_own_files_is_not_opened(get, streamed, tmp_path, settings):
    settings.DATA_DIR = tmp_path / "site" / "data"
    settings.DATA_DIR.mkdir(parents=True)
    (settings.DATA_DIR / "secret_key").write_bytes(SECRET)
    replace_by_link(streamed.directory / LAYER / "1", tmp_path / "site")
    forget()
    answer = get(chunk_url(streamed, "proxy").replace("c/0/0/0/0", "data/secret_key"))
    assert answer.status == 410
    assert SECRET not in answer.body


def with_attachment(streamed: Streamed, path: str) -> str:
    properties = data_source.load(streamed.dataset).to_json()
    mesh = {"name": "m", "path": path, "dataFormat": "zarr3"}
    properties["dataLayers"][0]["attachments"] = {"meshes": [mesh]}
    data_source.store(streamed.dataset, DataSource.model_validate(properties))
    forget()
    return f"/data/datasets/{streamed.id}/proxy/layers/{LAYER}/attachments/meshes/m"


def test_links_below_an_attachment_lead_nowhere_else(get, streamed, secret):
    folder = streamed.directory / LAYER / "meshes" / "m"
    folder.mkdir(parents=True)
    (folder / "zarr.json").write_text(json.dumps({"node_type": "group"}))
    (folder / "0").symlink_to(secret)
    address = with_attachment(streamed, f"{LAYER}/meshes/m")
    assert get(f"{address}/zarr.json").status == 200
    answer = get(f"{address}/0")
    assert answer.status == 422
    assert SECRET not in answer.body


def test_an_attachment_may_be_a_link_but_not_to_the_sites_own_files(
    get, streamed, secret, settings, tmp_path
):
    folder = streamed.directory / LAYER / "meshes"
    folder.mkdir()
    (folder / "m").symlink_to(secret)
    address = with_attachment(streamed, f"{LAYER}/meshes/m")
    assert get(address).body == SECRET
    settings.DATA_DIR = tmp_path
    forget()
    assert SECRET not in get(address).body
