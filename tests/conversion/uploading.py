"""A client of the upload protocol, over Django's test client, and data to send."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.test import Client

from conversion import runner
from conversion.models import Job, Upload
from datasets.models import Dataset
from sharing.models import User
from sharing.services.tokens import create_token
from tests.datasets.disk.on_disk import layer, write_mag, write_properties

CHUNK = 10_000
FILES = {"color/1/header.wkw": b"x" * 25_000}  # in three chunks


def dataset_files(directory: Path, **changes: Any) -> dict[str, bytes]:
    """A dataset with a color layer of one mag, as files by path."""
    root = directory / uuid4().hex
    write_mag(root / "color" / "1")
    chunk = bytes(range(256)) * 128
    (root / "color" / "1" / "0.0.0.0").write_bytes(chunk)
    write_properties(root, layer(), **changes)
    return files_in(root)


def mag_files(directory: Path, size: int = 16) -> dict[str, bytes]:
    """A mag of uint8, as files by path."""
    root = directory / uuid4().hex
    write_mag(root / "mag", size)
    return files_in(root / "mag")


def files_in(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@dataclass
class Sender:
    """Somebody who uploads, with a token in a header."""

    user: User
    domain: str = "dataset"
    upload_id: str = field(default_factory=lambda: f"2026-01-31T12-00-00__{uuid4()}")
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def __post_init__(self) -> None:
        _, self.token = create_token(user=self.user, name="uploads")

    @property
    def base(self) -> str:
        return f"/data/v15/datasets/upload/{self.domain}"

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.post(
            path,
            data=body,
            content_type="application/json",
            headers={"x-auth-token": self.token, **headers},
        )

    def announced(self, files: Mapping[str, bytes], **changes: Any) -> dict[str, Any]:
        return {
            "uploadId": self.upload_id,
            "totalFileCount": len(files),
            "totalFileSizeInBytes": sum(map(len, files.values())),
            **changes,
        }

    def reserve(self, files: Mapping[str, bytes], **changes: Any) -> Any:
        info = self.announced(files, **changes.pop("info", {}))
        if self.domain != "dataset":
            return self.post(f"{self.base}/reserveUpload", {"resumableUploadInfo": info, **changes})
        body = {
            "resumableUploadInfo": info,
            "datasetName": "brain",
            "organizationId": self.user.organization_id,
            "initialTeamIds": [],
            "layersToLink": None,
            "folderId": None,
            **changes,
        }
        return self.post(f"{self.base}/reserveUpload", body)

    def fields(self, path: str, content: bytes, number: int, **changes: Any) -> dict[str, Any]:
        piece = content[(number - 1) * CHUNK : number * CHUNK]
        return {
            "resumableChunkSize": CHUNK,
            "resumableTotalSize": len(content),
            "resumableType": "",
            "resumableIdentifier": f"{self.upload_id}/{path}",
            "resumableFilename": path.rsplit("/", 1)[-1],
            "resumableRelativePath": path,
            "resumableTotalChunks": -(-len(content) // CHUNK),
            "resumableChunkNumber": number,
            "resumableCurrentChunkSize": len(piece),
            "totalFileCount": 1,
            **changes,
        }

    def chunk(self, path: str, content: bytes, number: int = 1, **changes: Any) -> Any:
        body = changes.pop("body", content[(number - 1) * CHUNK : number * CHUNK])
        url = changes.pop("url", self.base)
        upload = io.BytesIO(body)
        upload.name = "upload"
        return self.client.post(
            url,
            {**self.fields(path, content, number, **changes), "file": upload},
            headers={"x-auth-token": self.token},
        )

    def has(self, path: str, number: int = 1) -> bool:
        answer = self.client.get(
            self.base,
            {"resumableIdentifier": f"{self.upload_id}/{path}", "resumableChunkNumber": number},
            headers={"x-auth-token": self.token},
        )
        assert answer.status_code in {200, 204}, answer.content
        return bool(answer.status_code == 200)

    def send(self, files: Mapping[str, bytes]) -> None:
        for path, content in files.items():
            for number in range(-(-len(content) // CHUNK), 0, -1):
                answer = self.chunk(path, content, number)
                assert answer.status_code == 200, answer.content

    def finish(self) -> Any:
        return self.post(f"{self.base}/finishUpload?uploadId={self.upload_id}")

    def cancel(self) -> Any:
        return self.post(f"{self.base}/cancelUpload?uploadId={self.upload_id}")

    def upload(self, files: Mapping[str, bytes], **changes: Any) -> Any:
        """Everything; the answer to finish."""
        answer = self.reserve(files, **changes)
        assert answer.status_code == 200, answer.content
        self.send(files)
        return self.finish()

    @property
    def row(self) -> Upload:
        return Upload.objects.get(upload_id=self.upload_id)


def sentences(answer: Any) -> str:
    return " ".join(message["error"] for message in answer.json()["messages"])


def run_waiting_jobs() -> None:
    for job in Job.objects.filter(state=Job.State.PENDING).order_by("created"):
        runner.run(job.pk)


def left_behind(organization_directory: Path) -> list[str]:
    """What lies in the organization's directory besides empty folders."""
    return sorted(
        str(path.relative_to(organization_directory))
        for path in organization_directory.rglob("*")
        if path.is_file()
    )


def datasets_and_files(organization_directory: Path) -> tuple[int, list[str]]:
    return Dataset.objects.count(), left_behind(organization_directory)
