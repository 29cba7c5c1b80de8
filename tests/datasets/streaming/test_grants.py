"""Grants are made for those who may read, for the moment, and for nothing but a mag's files."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from datasets.streaming import grants
from datasets.streaming.grants import present_window
from sharing.services.links import create_link, reveal_token
from tests.datasets.streaming.conftest import Response, ask, forget
from tests.datasets.streaming.streamed_data import LAYER, Streamed, make_streamed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where grants are made by a site that stands behind nginx."""
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    monkeypatch.setattr(django_settings.ENVIRONMENT, "behind_proxy", True)
    monkeypatch.setattr(grants, "_counted", ("", 0))
    return settings.DATA_DIR / "grants"


@dataclass
class Private:
    streamed: Streamed
    token: str

    def openings(self) -> dict[str, str]:
        identifier, version = self.streamed.id, self.streamed.dataset.version
        return {
            "zarr": f"t/{self.token}/zarr/{identifier}/{LAYER}/1",
            "ome-zarr": f"t/{self.token}/ome-zarr/{identifier}.zarr/{LAYER}/1",
            "viewer": f"t/{self.token}/viewer/{identifier}/{version}/{LAYER}/1",
            "stored": f"t/{self.token}/datasets/{identifier}/proxy/layers/{LAYER}/mags/1",
        }


@pytest.fixture
def private() -> Private:
    return shared()


def shared(**options) -> Private:
    streamed = make_streamed(**{"options": {"shard": None, "chunk": 32}, **options})
    return Private(
        streamed, reveal_token(create_link(thing=streamed.dataset, name="link", created_by=None))
    )


@pytest.fixture
def authorize(fast_path):
    """Ask for permission as nginx does."""

    def asked(opening: str, window: str | None = None) -> Response:
        headers = {"X-Data-Opening": opening, "X-Data-Window": window or present_window()}
        return ask(fast_path, "/data/internal/authorize", headers=headers)

    return asked


def granted(folder: Path) -> dict[str, Path]:
    """All links below the directory of grants, by their name below the window's directory."""
    if not folder.exists():
        return {}
    links = [path for path in folder.rglob("*") if path.is_symlink()]
    return {"/".join(link.relative_to(folder).parts[1:]): link.resolve() for link in links}


@pytest.mark.parametrize("dialect", ["zarr", "ome-zarr", "viewer", "stored"])
def test_whoever_may_read_is_granted_the_mag_in_the_present_window(
    authorize, folder, private, dialect
):
    opening = private.openings()[dialect]
    window = present_window()
    assert authorize(opening, window).status == 204
    if window == present_window():  # it ended meanwhile, with what was granted
        assert granted(folder) == {opening: private.streamed.directory / LAYER / "1"}
        assert [path.name for path in folder.iterdir()] == [window]
    assert authorize(opening).status == 204


def test_nobody_else_may_enter_the_directory_of_tokens(authorize, folder, private):
    authorize(private.openings()["zarr"])
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("dialect", ["zarr", "ome-zarr", "viewer", "stored"])
def test_whoever_may_not_read_is_granted_nothing(authorize, folder, private, dialect):
    opening, other = private.openings()[dialect], shared()
    for refused in (
        opening.replace(private.token, "wrong"),
        opening.replace(private.token, other.token),
        opening.replace(f"t/{private.token}/", ""),
        opening.replace(private.streamed.id, "f" * 24),
        opening.replace(LAYER, "other"),
    ):
        assert authorize(refused).status == 403
    assert granted(folder) == {}


def test_a_right_that_ended_is_not_granted_again(authorize, folder, private):
    opening = private.openings()["zarr"]
    authorize(opening)
    private.streamed.dataset.delete()
    shutil.rmtree(folder)
    forget()
    assert authorize(opening).status == 403
    assert granted(folder) == {}


def test_addresses_without_a_token_are_granted_nothing(authorize, folder):
    public = shared(fields={"is_public": True})
    opening = public.openings()["zarr"].replace(f"t/{public.token}/", "")
    assert authorize(opening).status == 204
    assert granted(folder) == {}


@pytest.mark.parametrize("shift", [-1, 1, 100])
def test_only_the_present_window_is_granted(authorize, folder, private, shift):
    window = str(int(present_window()) + 2 * shift)
    for odd in (window, f"{present_window()}0", "../x", "now"):
        assert authorize(private.openings()["zarr"], odd).status == 204
    assert granted(folder) == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda opening, token: opening.replace(token, ".."),
        lambda opening, token: opening.replace(token, "."),
        lambda opening, token: opening.replace(token, f"../{token}"),
        lambda opening, token: opening.replace(token, f"a/../{token}"),
        lambda opening, token: opening.replace(token, ""),
        lambda opening, token: opening.replace(token, f"{token}/t/{token}"),
        lambda opening, _: f"/{opening}",
        lambda opening, _: f"../{opening}",
        lambda opening, _: f"{opening}/",
        lambda opening, _: f"{opening}/..",
        lambda opening, _: f"{opening}/c",
        lambda opening, _: opening.replace("/zarr/", "/datasets/"),
        lambda opening, _: "",
        lambda opening, _: "t",
    ],
)
def test_an_opening_that_nginx_does_not_send_is_refused(authorize, folder, change):
    public = shared(fields={"is_public": True})
    before = set(folder.parent.parent.rglob("*"))
    assert authorize(change(public.openings()["zarr"], public.token)).status == 403
    assert set(folder.parent.parent.rglob("*")) == before


def test_a_new_window_takes_the_place_of_all_others(authorize, folder, private):
    for old in ("1", str(int(present_window()) - 1), str(int(present_window()) + 50)):
        (folder / old / "t" / "token").mkdir(parents=True)
        (folder / old / "t" / "token" / "link").symlink_to(private.streamed.directory)
    authorize(private.openings()["zarr"])
    authorize(private.openings()["zarr"])
    assert len(list(folder.iterdir())) == 1
    assert (private.streamed.directory / LAYER / "1" / "zarr.json").is_file()


def test_strangers_cannot_fill_the_directory_with_tokens_that_they_make_up(
    authorize, folder, monkeypatch
):
    public = shared(fields={"is_public": True})
    monkeypatch.setattr(grants, "present_window", lambda: "123456789")
    monkeypatch.setattr(grants, "_MAX_GRANTS", 5)
    for number in range(20):
        opening = public.openings()["zarr"].replace(public.token, f"made-up-{number}")
        assert authorize(opening, "123456789").status == 204
    assert len(granted(folder)) == 5


def test_where_nothing_can_be_granted_nginx_is_told_as_before(authorize, folder, private, caplog):
    folder.write_text("not a directory")
    answer = authorize(private.openings()["zarr"])
    assert answer.status == 204
    assert answer.headers["X-Data-Directory"] == str(private.streamed.directory / LAYER / "1")
    assert private.token not in caplog.text


@pytest.mark.parametrize(
    "options",
    [
        {"data_format": "wkw", "options": {}},
        {"options": {}},
        {"top_left": (32, 0, 0)},
        {"data_format": "zarr", "options": {}},
    ],
    ids=["other format", "sharded", "offset", "other names"],
)
def test_chunks_that_are_no_files_of_the_usual_names_are_not_granted(authorize, folder, options):
    made = shared(**options)
    for dialect in ("zarr", "ome-zarr", "viewer"):
        authorize(made.openings()[dialect])
    assert granted(folder) == {}


def test_a_site_without_nginx_grants_nothing(authorize, folder, private, monkeypatch):
    monkeypatch.setattr(django_settings.ENVIRONMENT, "behind_proxy", False)
    assert authorize(private.openings()["zarr"]).status == 404
    assert granted(folder) == {}
