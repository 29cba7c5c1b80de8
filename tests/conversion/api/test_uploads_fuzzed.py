"""Uploads by somebody who sends whatever comes to mind: paths, numbers, archives, properties.

Whatever it is: taken in whole or refused with a 4xx, nothing written outside of the upload's own
folders, and nothing left behind once it is over.
"""

import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversion.models import Upload
from datasets.models import Dataset
from sharing.models import Organization, User
from tests.conversion.uploading import FILES, Sender, dataset_files, zipped
from tests.factories import make_user

pytestmark = pytest.mark.django_db

# The fixtures stay the same between examples: each example ends with nothing left.
fuzzed = settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

PIECES = st.sampled_from([
    *("a", "color", "1", ".", "..", "...", "", "~", "C:", "c:\\x", "\\", "%2e%2e", "%2f", " "),
    *("header.wkw", "datasource-properties.json", ".hidden", "__MACOSX", ".trash", ".uploading"),
    *("etc", "\0", "\n", "\u202e", "\u2028", "é", "e\u0301", "x" * 256, "CON", "a:b", "*", "-"),
])  # fmt: skip
PATHS = st.lists(PIECES, min_size=1, max_size=6).map("/".join) | st.text(max_size=40)
NUMBERS = st.one_of(
    st.integers(-2, 30_000),
    st.sampled_from([2**31, 2**53, 2**63, 10**30, -(2**63)]),
    st.sampled_from(["", "one", "1.5", "1e3", "NaN", "٣", "0x10", " 1", "true", "None"]),
)


@pytest.fixture
def sender(uploader: User) -> Sender:
    """Reserves each example's upload with the same id."""
    return Sender(uploader, upload_id="fuzzed")


@pytest.fixture
def outside(binary_data: Path, organization_directory: Path) -> Any:
    """What lies in the site's data besides the folders of uploads that go on."""
    organization_directory.mkdir(exist_ok=True)
    staging = organization_directory / ".uploading"

    def look() -> dict[Path, bytes | None]:
        return {
            path: path.read_bytes() if path.is_file() else None
            for path in binary_data.parent.rglob("*")
            if path != staging and staging not in path.parents
        }

    return look


def refused(answer: Any) -> bool:
    """Whether it was refused; anything but that and success is a fault of the site."""
    assert answer.status_code in {200, 204, 400, 403, 404, 409}, answer.content
    return bool(answer.status_code >= 400)


def end(sender: Sender) -> None:
    """Cancel what still goes on; then nothing is left of it."""
    for upload in Upload.objects.filter(state=Upload.State.RESERVED):
        sender.upload_id = upload.upload_id
        assert sender.cancel().status_code == 200
    sender.upload_id = "fuzzed"
    Upload.objects.all().delete()


@fuzzed
@given(path=PATHS, upload_id=st.just("fuzzed") | PATHS, number=NUMBERS)
def test_identifiers_lead_nowhere(
    sender: Sender, outside: Any, path: str, upload_id: str, number: object
) -> None:
    assert sender.reserve(FILES).status_code == 200
    before = outside()
    content = FILES["color/1/header.wkw"]
    for identifier in (f"{upload_id}/{path}", f"fuzzed/{path}", path):
        asked = {"resumableIdentifier": identifier, "resumableChunkNumber": number}
        headers = {"x-auth-token": sender.token}
        refused(sender.client.get(sender.base, asked, headers=headers))
        taken = not refused(sender.chunk("x", content, resumableIdentifier=identifier))
        assert not taken or identifier.startswith("fuzzed/")
        assert outside() == before
    end(sender)
    assert Dataset.objects.count() == 0
    assert outside().keys() <= before.keys()


@fuzzed
@given(
    changes=st.dictionaries(
        st.sampled_from([
            *("resumableChunkNumber", "resumableChunkSize", "resumableCurrentChunkSize"),
            *("resumableTotalSize", "resumableTotalChunks", "totalFileCount"),
        ]),
        NUMBERS,
        max_size=4,
    ),
    number=st.integers(1, 3),
    body=st.none() | st.binary(max_size=100) | st.sampled_from([b"x" * 10_001, b"x" * 40_000]),
)  # fmt: skip
def test_numbers_that_lie_end_nothing_but_their_chunk(
    sender: Sender, outside: Any, changes: dict[str, object], number: int, body: bytes | None
) -> None:
    assert sender.reserve(FILES).status_code == 200
    before = outside()
    given = {} if body is None else {"body": body}
    ((path, content),) = FILES.items()
    refused(sender.chunk(path, content, number, **given, **changes))
    assert outside() == before
    sizes = (sum(file.stat().st_size for file in _staged(sender)), len(content))
    assert sizes[0] <= 2 * sizes[1], "more is kept than was announced"
    end(sender)
    assert (Dataset.objects.count(), _staged(sender)) == (0, [])


@fuzzed
@given(
    info=st.dictionaries(
        st.sampled_from(["totalFileCount", "totalFileSizeInBytes", "uploadId", "filePaths"]),
        NUMBERS | PATHS | st.none() | st.lists(PATHS, max_size=3) | st.lists(NUMBERS, max_size=2),
        max_size=3,
    ),
    changes=st.dictionaries(
        st.sampled_from(["datasetName", "organizationId", "folderId", "initialTeamIds"]),
        PATHS | st.lists(PATHS, max_size=2) | st.none() | st.integers(),
        max_size=2,
    ),
)
def test_reservations_are_taken_or_refused_whole(
    sender: Sender, outside: Any, info: dict[str, Any], changes: dict[str, Any]
) -> None:
    before = outside()
    if refused(sender.reserve(FILES, info=info, **changes)):
        assert (Dataset.objects.count(), outside()) == (0, before)
    end(sender)
    assert (Dataset.objects.count(), outside()) == (0, before)


@fuzzed
@given(
    steps=st.lists(
        st.sampled_from(["chunk", "ask", "finish", "cancel", "reserve"]), min_size=1, max_size=4
    ),
    path=st.just("color/1/header.wkw") | PATHS,
)
def test_a_foreign_upload_stays_as_it_is(
    sender: Sender, lab: Organization, steps: list[str], path: str
) -> None:
    assert sender.reserve(FILES).status_code == 200
    ((name, content),) = FILES.items()
    assert sender.chunk(name, content, 1).status_code == 200
    before = {file: file.read_bytes() for file in _staged(sender)}
    foreign = Sender(make_user(lab, is_dataset_manager=True), upload_id="fuzzed")
    for step in steps:
        if step == "chunk":
            answer = foreign.chunk(path, content, 2)
        elif step == "ask":
            asked = {"resumableIdentifier": f"fuzzed/{path}", "resumableChunkNumber": 1}
            headers = {"x-auth-token": foreign.token}
            answer = foreign.client.get(foreign.base, asked, headers=headers)
        else:
            answer = foreign.reserve(FILES) if step == "reserve" else getattr(foreign, step)()
        assert refused(answer), step
        assert {file: file.read_bytes() for file in _staged(sender)} == before
    assert (sender.has(name, 1), sender.has(name, 2)) == (True, False)
    end(sender)


KINDS = st.sampled_from([0, 0o100644, 0o120777, 0o040755, 0o010644, 0o020644, 0o060644, 0o104755])


@fuzzed
@given(
    odd=st.lists(
        st.tuples(PATHS, KINDS, st.sampled_from([b"", b"text", b"/etc/passwd", b"../../x"])),
        max_size=4,
    ),
    folder=st.sampled_from(["", "brain/", "a/b/", "../"]),
)
def test_archives_come_out_inside_or_not_at_all(
    sender: Sender, outside: Any, tmp_path_factory: Any, odd: list[Any], folder: str
) -> None:
    good = dataset_files(tmp_path_factory.mktemp("good"))
    before = outside()
    buffer = io.BytesIO(zipped({f"{folder}{path}": content for path, content in good.items()}))
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "a") as archive:
        warnings.simplefilter("ignore")  # two entries of one name
        for name, mode, content in odd:
            entry = zipfile.ZipInfo("entry")
            entry.filename, entry.external_attr = name, mode << 16
            archive.writestr(entry, content)
    answer = sender.upload({"data.zip": buffer.getvalue()})
    _check_what_came(sender, outside, before, answer)


SCHEMES = st.sampled_from(["", "/", "file:", "file://", "http://", "s3://", "gs://", "\\\\", "./"])


@fuzzed
@given(
    scheme=SCHEMES,
    path=PATHS,
    layer_name=st.just("color") | PATHS,
    data_format=st.sampled_from(["zarr", "zarr3", "wkw", "n5", "neuroglancerPrecomputed", "x"]),
)
def test_properties_name_only_what_was_sent_along(
    sender: Sender,
    outside: Any,
    tmp_path_factory: Any,
    scheme: str,
    path: str,
    layer_name: str,
    data_format: str,
) -> None:
    files = dataset_files(tmp_path_factory.mktemp("good"))
    before = outside()
    document = json.loads(files["datasource-properties.json"])
    (layer,) = document["dataLayers"]
    layer |= {"name": layer_name, "dataFormat": data_format}
    layer["mags"][0]["path"] = scheme + path
    changed = json.dumps(document).encode()
    answer = sender.upload({**files, "datasource-properties.json": changed})
    _check_what_came(sender, outside, before, answer)


def _check_what_came(sender: Sender, outside: Any, before: Any, answer: Any) -> None:
    """A dataset of plain files in a directory of its own, or nothing; then remove it."""
    new = {path: content for path, content in outside().items() if path not in before}
    if refused(answer):
        end(sender)
        assert (Dataset.objects.count(), _staged(sender)) == (0, [])
        assert outside() == before
        return
    dataset = Dataset.objects.get()
    directory = _organization(sender) / dataset.directory_name
    assert not [path for path in new if path != directory and directory not in path.parents]
    assert not [path for path in new if path.is_symlink() or not (path.is_file() or path.is_dir())]
    for mag in _mags(dataset):
        assert not mag.path or (directory / mag.path).resolve().is_relative_to(directory)
    dataset.delete()
    for path in sorted(new, reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    end(sender)


def _mags(dataset: Dataset) -> Iterator[Any]:
    for layer in dataset.layers.all():
        yield from layer.mags.all()


def _organization(sender: Sender) -> Path:
    from django.conf import settings as site

    return Path(site.BINARY_DATA_DIR) / str(sender.user.organization_id)


def _staged(sender: Sender) -> list[Path]:
    """The files of uploads that go on."""
    staging = _organization(sender) / ".uploading"
    return sorted(path for path in staging.rglob("*") if path.is_file())
