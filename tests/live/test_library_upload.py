"""The public library uploads to a running site, also while parts of the site are killed."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.conversion.uploading import dataset_files, zipped
from tests.live.site import Demo, datasets
from tests.live.test_public_library import CLIENT
from tests.live.waiting import until

SCRIPT = Path(__file__).with_name("library_uploads.py")

pytestmark = [
    pytest.mark.live,
    pytest.mark.peer,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not CLIENT.exists(), reason="no .venv-client: `make test` makes it"),
]


def start(demo: Demo, folder: Path, name: str, *steps: str, **more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [CLIENT, "-W", "ignore", SCRIPT, folder, name, *steps],
        env={
            "WK_URL": f"http://localhost:{demo.port}",
            "WK_TOKEN": demo.sign_in["token"],
            "PATH": "/usr/bin:/bin",
            "CHUNK_BYTES": "50000",
            **more,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end_of(process: "subprocess.Popen[str]") -> dict[str, str]:
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors[-3000:]
    result: dict[str, str] = json.loads(output.splitlines()[-1])
    return result


def processes(demo: Demo, word: str) -> list[int]:
    """The ids of the processes of this site with this word in their command."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"DATA_DIR={demo.data_dir}".encode() in environment and word.encode() in command:
            found.append(int(process.name))
    return found


@pytest.mark.parametrize(
    ("version", "data_format", "steps"),
    [
        ("13", "zarr3", ["dataset", "links", "axes"]),
        ("14", "wkw", ["dataset", "mag", "axes"]),
        ("15", "zarr3", ["dataset", "mag", "attachment", "axes"]),
        ("16", "wkw", ["dataset", "mag", "attachment", "links", "axes"]),
    ],
)
def test_what_it_reads_back_is_what_it_sent(
    demo: Demo, tmp_path: Path, version: str, data_format: str, steps: list[str]
) -> None:
    name = f"library_{version}_{data_format}"
    end_of(start(demo, tmp_path, name, *steps, API=version, FORMAT=data_format))
    staging = demo.data_dir / "binaryData" / "sample_organization" / ".uploading"
    assert list(staging.iterdir()) == []


def test_a_web_server_killed_while_chunks_arrive_loses_nothing(demo: Demo, tmp_path: Path) -> None:
    library = start(demo, tmp_path, "killed_web", "dataset", CHUNK_BYTES="2000")
    staging = demo.data_dir / "binaryData" / "sample_organization" / ".uploading"
    until(lambda: list(staging.glob("*/chunks/data/*")))
    # Granian starts a killed worker anew, and the library sends what was not acknowledged again.
    for pid in processes(demo, "--interface=wsgi"):
        if not _children(pid):
            os.kill(pid, signal.SIGKILL)
    end_of(library)


class RawUpload:
    """An upload by hand, to see each answer."""

    def __init__(self, demo: Demo, api: requests.Session) -> None:
        self.base = f"http://localhost:{demo.port}/data/v15/datasets/upload/dataset"
        self.api = api
        self.upload_id = f"raw-{uuid4()}"

    def send(self, name: str, files: dict[str, bytes]) -> None:
        body: dict[str, Any] = {
            "resumableUploadInfo": {
                "uploadId": self.upload_id,
                "totalFileCount": len(files),
                "totalFileSizeInBytes": sum(map(len, files.values())),
                "filePaths": list(files),
            },
            "datasetName": name,
            "organizationId": "sample_organization",
            "initialTeamIds": [],
        }
        assert self.api.post(f"{self.base}/reserveUpload", json=body).status_code == 200
        for path, content in files.items():
            if content:
                self.chunk(path, content)

    def chunk(self, path: str, content: bytes) -> None:
        fields = {
            "resumableChunkNumber": 1,
            "resumableChunkSize": len(content),
            "resumableCurrentChunkSize": len(content),
            "resumableTotalSize": len(content),
            "resumableTotalChunks": 1,
            "resumableIdentifier": f"{self.upload_id}/{path}",
        }
        answer = self.api.post(self.base, data=fields, files={"file": ("upload", content)})
        assert answer.status_code == 200, answer.text

    def finish(self) -> requests.Response:
        return self.api.post(f"{self.base}/finishUpload", params={"uploadId": self.upload_id})


@pytest.fixture
def raw(demo: Demo, api: requests.Session) -> Iterator[RawUpload]:
    yield RawUpload(demo, api)


def test_a_zip_archive_becomes_a_dataset(
    demo: Demo, api: requests.Session, raw: RawUpload, tmp_path: Path
) -> None:
    files = {"notes/empty.txt": b"", **dataset_files(tmp_path)}
    raw.send("from_zip", {"data.zip": zipped({f"brain/{p}": c for p, c in files.items()})})
    answer = raw.finish()
    assert answer.status_code == 200, answer.text
    dataset = datasets(demo, api)["from_zip"]
    assert (dataset["id"], dataset["isActive"]) == (answer.json()["datasetId"], True)
    directory = demo.data_dir / "binaryData" / "sample_organization" / dataset["directoryName"]
    sent = files["color/1/0.0.0.0"]
    assert (directory / "color" / "1" / "0.0.0.0").read_bytes() == sent


def test_a_worker_killed_between_two_jobs_is_replaced(
    demo: Demo, raw: RawUpload, tmp_path: Path
) -> None:
    for pid in processes(demo, "worker"):
        if not _children(pid):
            os.kill(pid, signal.SIGKILL)
    raw.send("killed_idle_worker", dataset_files(tmp_path))
    # Within the one request: it waits for 50 seconds.
    assert raw.finish().status_code == 200


@pytest.mark.parametrize("victim", ["worker", "web"])
def test_killed_while_finishing_the_same_call_ends_it_well(
    demo: Demo, api: requests.Session, raw: RawUpload, tmp_path: Path, victim: str
) -> None:
    name = f"killed_{victim}_finishing"
    many = {f"color/1/{x}.0.0.0": os.urandom(32**3) for x in range(300)}
    raw.send(name, {"data.zip": zipped({**dataset_files(tmp_path), **many})})
    pids = processes(demo, "worker" if victim == "worker" else "--interface=wsgi")
    call = subprocess.Popen(
        [
            *("curl", "-s", "-X", "POST", "-H", f"X-Auth-Token: {demo.sign_in['token']}"),
            f"{raw.base}/finishUpload?uploadId={raw.upload_id}",
        ],
        stdout=subprocess.DEVNULL,
    )
    staging = demo.data_dir / "binaryData" / "sample_organization" / ".uploading"
    until(lambda: list(staging.glob("*/unpacked*")) or datasets(demo, api)[name]["isActive"], 120)
    for pid in pids:
        if victim == "worker" or not _children(pid):
            os.kill(pid, signal.SIGKILL)
    call.wait(90)

    def done() -> requests.Response | None:
        try:
            answer = raw.finish()
        except requests.ConnectionError:
            time.sleep(0.5)
            return None
        assert answer.status_code in {200, 503}, answer.text
        return answer if answer.status_code == 200 else None

    dataset_id = until(done, 240).json()["datasetId"]
    assert raw.finish().json() == {"datasetId": dataset_id}
    dataset = datasets(demo, api)[name]
    directory = demo.data_dir / "binaryData" / "sample_organization" / dataset["directoryName"]
    for path, content in many.items():
        assert (directory / path).read_bytes() == content
    # Killed after the last step but before it cleaned up, the job does so when it is run again.
    until(lambda: not list(staging.glob("*/*")), 240)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]
