"""How data goes out over HTTP: ranges, ETags, caching, other origins, and what goes wrong."""

import json
import shutil
from fnmatch import fnmatch
from unittest.mock import patch

import numpy as np
import pytest
from django.conf import settings

from datasets.services.links import create_link
from datasets.streaming import routes
from datasets.streaming.fast_path import in_front_of
from datasets.streaming.tokens import streaming_url
from sharing.access import actor_for
from sharing.services import links, tokens
from tests.datasets.streaming.conftest import ask, django_application, forget
from tests.datasets.streaming.streamed_data import LAYER, Streamed, make_streamed
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def streamed() -> Streamed:
    return make_streamed(fields={"is_public": True}, options={"shard": None, "chunk": 32})


@pytest.fixture
def private() -> Streamed:
    return make_streamed(options={"shard": None, "chunk": 32})


@pytest.fixture
def token(private: Streamed) -> str:
    admin = make_user(private.dataset.organization, is_admin=True)
    link = create_link(actor=actor_for(admin), dataset=private.dataset, name="test")
    return links.reveal_token(link)


def chunk_url(streamed: Streamed, dialect: str = "ome-zarr") -> str:
    if dialect == "viewer":
        return f"/data/viewer/{streamed.id}/{streamed.dataset.version}/{LAYER}/1/c/0/0/0/0"
    if dialect == "proxy":
        return f"/data/datasets/{streamed.id}/proxy/layers/{LAYER}/mags/1/c/0/0/0/0"
    key = "0.0.0.0" if dialect == "zarr" else "c/0/0/0/0"
    return f"/data/{dialect}/{streamed.id}/{LAYER}/1/{key}"


DIALECTS = ["zarr", "ome-zarr", "viewer", "proxy"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_ranges_are_the_bytes_asked_for(get, streamed, dialect):
    url = chunk_url(streamed, dialect)
    whole = get(url).body
    n = len(whole)
    for wanted, expected, told in [
        ("bytes=0-9", whole[:10], f"bytes 0-9/{n}"),
        ("bytes=10-", whole[10:], f"bytes 10-{n - 1}/{n}"),
        ("bytes=-7", whole[-7:], f"bytes {n - 7}-{n - 1}/{n}"),
        (f"bytes=-{n + 5}", whole, f"bytes 0-{n - 1}/{n}"),
        (f"bytes=5-{n + 100}", whole[5:], f"bytes 5-{n - 1}/{n}"),
    ]:
        answer = get(url, headers={"range": wanted})
        assert answer.status == 206
        assert answer.body == expected
        assert answer.headers["Content-Range"] == told
        assert answer.headers["Content-Length"] == str(len(expected))
    for impossible in (f"bytes={n}-", f"bytes={n + 5}-{n + 9}", "bytes=-0"):
        answer = get(url, headers={"range": impossible})
        assert answer.status == 416
        assert answer.headers["Content-Range"] == f"bytes */{n}"
    for ignored in ("bytes=0-1,4-5", "bytes=9-3", "bytes=-", "lines=1-2"):
        answer = get(url, headers={"range": ignored})
        assert (answer.status, answer.body) == (200, whole)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_head_tells_the_length_and_sends_nothing(get, streamed, dialect):
    url = chunk_url(streamed, dialect)
    whole = get(url)
    head = get(url, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers == whole.headers
    assert head.headers["Content-Length"] == str(len(whole.body))
    assert head.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_a_client_has_is_not_sent_again_until_the_version_grows(get, streamed, dialect):
    first = get(chunk_url(streamed, dialect))
    etag = first.headers["ETag"]
    for header in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = get(chunk_url(streamed, dialect), headers={"if-none-match": header})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["ETag"] == etag
    assert get(chunk_url(streamed, dialect), headers={"if-none-match": '"other"'}).status == 200
    streamed.dataset.version += 1
    streamed.dataset.save()
    forget()
    changed = get(chunk_url(streamed, dialect), headers={"if-none-match": etag})
    assert changed.status == 200
    assert changed.headers["ETag"] != etag


def test_a_range_of_something_else_meanwhile_is_not_sent(get, streamed):
    url = chunk_url(streamed)
    etag = get(url).headers["ETag"]
    same = get(url, headers={"range": "bytes=0-3", "if-range": etag})
    other = get(url, headers={"range": "bytes=0-3", "if-range": '"older"'})
    assert (same.status, other.status) == (206, 200)


def test_an_older_version_in_the_viewers_address_is_gone_and_kept_by_nobody(get, streamed):
    url = chunk_url(streamed, "viewer").replace(f"/{streamed.dataset.version}/", "/77/")
    answer = get(url)
    assert answer.status == 410
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("dialect", "public", "private_"),
    [
        ("ome-zarr", "public, no-cache", "private, no-cache"),
        ("zarr", "public, no-cache", "private, no-cache"),
        ("viewer", "public, max-age=3600, immutable", "private, max-age=31536000, immutable"),
    ],
)
def test_who_may_keep_an_answer(get, streamed, private, token, dialect, public, private_):
    assert get(chunk_url(streamed, dialect)).headers["Cache-Control"] == public
    url = chunk_url(private, dialect)
    # An address with a token is one reader's, whatever it opens.
    for opened in (url, chunk_url(streamed, dialect)):
        kept = get(opened.replace("/data/", f"/data/t/{token}/"))
        assert kept.headers["Cache-Control"] == private_
    admin = make_user(private.dataset.organization, is_admin=True)
    _, secret = tokens.create_token(user=admin, name="script")
    assert get(f"{url}?token={secret}").headers["Cache-Control"] == "no-store"
    personal = get(url, headers={"x-auth-token": secret})
    assert personal.headers["Cache-Control"] == "no-store"


def test_other_origins_get_what_is_public_or_asked_for_with_a_token(
    get, streamed, private, token, client
):
    def is_open(url: str, **headers: str) -> bool:
        answer = get(url, headers=headers)
        assert answer.status == 200
        return answer.headers.get("Access-Control-Allow-Origin") == "*"

    assert is_open(chunk_url(streamed))
    assert is_open(chunk_url(private).replace("/data/", f"/data/t/{token}/"))
    assert is_open(f"{chunk_url(private)}?token={token}")
    admin = make_user(private.dataset.organization, is_admin=True)
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    cookie = f"sessionid={client.session.session_key}"
    assert not is_open(chunk_url(private), cookie=cookie)


def test_preflights_tell_nothing_but_what_is_allowed(get, private):
    for url in (chunk_url(private), chunk_url(private).replace(private.id, "0" * 24)):
        answer = get(url, method="OPTIONS")
        assert answer.status == 204
        assert "Range" in answer.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_data_is_only_read(get, streamed, private, method):
    assert get(chunk_url(streamed), method=method).status == 405
    assert get(chunk_url(private), method=method).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "../../../../../secret",
        "c/../zarr.json",
        "./zarr.json",
        "/etc/passwd",
        "c",
        "",
        "nothing",
    ],
)
def test_the_proxy_gives_files_of_the_mag_and_no_others(get, streamed, path):
    (streamed.directory.parent / "secret").write_text("secret")
    url = f"/data/datasets/{streamed.id}/proxy/layers/{LAYER}/mags/1/{path}"
    assert get(url).status == 404


def test_large_stored_files_come_in_pieces_and_in_full(get, streamed):
    data = np.random.default_rng(1).bytes(9 * 2**20 + 5)
    (streamed.directory / LAYER / "1" / "large").write_bytes(data)
    url = f"/data/datasets/{streamed.id}/proxy/layers/{LAYER}/mags/1/large"
    assert get(url).body == data
    assert get(url, headers={"range": "bytes=3-"}).body == data[3:]


def sentence(body: bytes) -> str:
    (message,) = json.loads(body)["messages"][:1]
    return message["error"]


def test_a_cut_chunk_is_told_and_others_are_served(get):
    streamed = make_streamed(
        fields={"is_public": True}, data_format="zarr", options={"compressor": None}
    )
    mag = streamed.directory / LAYER / "1"
    (mag / "0.0.0.0").write_bytes(b"cut")
    for dialect in ("zarr", "ome-zarr"):
        answer = get(chunk_url(streamed, dialect))
        assert answer.status == 422
        assert "0.0.0.0" in sentence(answer.body)
        assert str(streamed.directory) not in answer.body.decode()
        assert answer.headers["Cache-Control"] == "no-store"
    assert get(chunk_url(streamed, "zarr").replace("0.0.0.0", "0.1.0.0")).status == 200


def test_a_broken_shard_is_told(get):
    streamed = make_streamed(fields={"is_public": True})
    shard = streamed.directory / LAYER / "1" / "c" / "0" / "0" / "0" / "0"
    shard.write_bytes(shard.read_bytes()[:-1])
    answer = get(chunk_url(streamed))
    assert answer.status == 422
    assert "checksum" in sentence(answer.body)


@pytest.mark.parametrize("data_format", ["zarr3", "wkw"])
def test_a_dataset_that_vanishes_while_viewed_is_gone_and_not_black(get, data_format):
    streamed = make_streamed(fields={"is_public": True}, data_format=data_format)
    for dialect in ("zarr", "ome-zarr", "viewer"):
        assert get(chunk_url(streamed, dialect)).status == 200
    shutil.rmtree(streamed.directory)
    for dialect in ("zarr", "ome-zarr", "viewer"):
        answer = get(chunk_url(streamed, dialect))
        assert answer.status == 410
        assert "gone" in sentence(answer.body)
        assert str(streamed.directory) not in answer.body.decode()


def test_metadata_that_lies_is_told(get):
    streamed = make_streamed(fields={"is_public": True})
    (streamed.directory / LAYER / "1" / "zarr.json").write_text("{}")
    answer = get(chunk_url(streamed))
    assert answer.status == 422
    assert "zarr.json" in sentence(answer.body)


def test_a_dataset_that_cannot_be_used_says_why_to_those_who_may_see_it(get, streamed, private):
    for dataset in (streamed.dataset, private.dataset):
        dataset.status = "Not imported yet."
        dataset.save()
    answer = get(chunk_url(streamed))
    assert answer.status == 409
    assert "Not imported yet." in sentence(answer.body)
    assert get(chunk_url(private)).status == 404


def test_a_fault_of_the_server_is_told_in_a_sentence_and_logged(get, streamed, caplog):
    with patch.object(routes.ome_zarr, "answer", side_effect=RuntimeError("boom")):
        answer = get(chunk_url(streamed))
    assert answer.status == 500
    assert "boom" not in answer.body.decode()
    assert "boom" in caplog.text


def test_a_mag_that_cannot_be_read_is_left_out_of_what_viewers_are_told(get):
    """Neuroglancer shows nothing of a layer that lists a mag which it can't open."""
    streamed = make_streamed(
        data_format="zarr3", mags=((1, 1, 1), (2, 2, 1)), fields={"is_public": True}
    )
    shutil.rmtree(streamed.directory / LAYER / "2-2-1")
    metadata = get(f"/data/ome-zarr/{streamed.id}/{LAYER}/zarr.json")
    (image,) = json.loads(metadata.body)["attributes"]["ome"]["multiscales"]
    assert [entry["path"] for entry in image["datasets"]] == ["1"]
    assert get(f"/data/ome-zarr/{streamed.id}/{LAYER}/2-2-1/zarr.json").status == 410


def test_the_copied_address_is_one_that_napari_takes(get, streamed):
    """Its plugin for OME-Zarr is asked only for addresses with ".zarr" in them."""
    url = streaming_url(streamed.id, LAYER, "").removeprefix(settings.PUBLIC_URL)
    assert fnmatch(url, "*.zarr*")
    assert (
        get(f"{url}zarr.json").body == get(f"/data/ome-zarr/{streamed.id}/{LAYER}/zarr.json").body
    )
    chunk = get(f"{url}1/c/0/0/0/0")
    assert chunk.status == 200
    assert chunk.body == get(chunk_url(streamed)).body


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/data/zarr/%00/color/.zarray", 404),
        ("/data/datasets/0123456789abcdef01234567/proxy/layers/color/mags/1/c/0%00", 404),
        ("/data/v15/t/%00/zarr/0123456789abcdef01234567/color/zarr.json", 404),
        ("/data/zarr/0123456789abcdef01234567/color/.zarray?token=a%00", 400),
    ],
)
def test_the_fast_path_takes_no_nul_to_the_database(address: str, status: int) -> None:
    answer = ask(in_front_of(django_application), address)
    assert answer.status == status
    assert "NUL" in json.loads(answer.body)["messages"][0]["error"]
