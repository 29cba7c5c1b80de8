"""Images that were uploaded to be converted, and what became of them."""

import io
from typing import Any

import numpy as np
import tifffile

from conversion import tasks
from conversion.models import Job
from datasets.models import Dataset
from tests.conversion.uploading import Sender

VOXELS = np.random.default_rng(7).integers(1, 255, (5, 48, 64), np.uint8)


def tiff(voxels: np.ndarray[Any, Any], **metadata: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, voxels, **metadata)
    return buffer.getvalue()


def slices(voxels: np.ndarray[Any, Any] = VOXELS) -> dict[str, bytes]:
    return {f"slice_{number:03}.tif": tiff(plane) for number, plane in enumerate(voxels)}


def run(job: Job) -> Job:
    tasks.run_job(job.pk)
    job.refresh_from_db()
    if job.dataset is not None:
        job.dataset.refresh_from_db()
    return job


def log_of(job: Job) -> str:
    return "\n".join(job.log_lines.values_list("text", flat=True))


def voxels_of(sender: Sender, dataset: Dataset, layer: str = "brain") -> np.ndarray[Any, Any]:
    """As anybody reads them over HTTP: z, y, x."""
    z, y, x = VOXELS.shape
    query = f"x=0&y=0&z=0&width={x}&height={y}&depth={z}&mag=1"
    answer = sender.client.get(
        f"/data/v15/datasets/{dataset.pk}/layers/{layer}/data?{query}",
        headers={"x-auth-token": sender.token},
    )
    assert answer.status_code == 200, answer.content
    content = b"".join(answer) if answer.streaming else answer.content
    return np.frombuffer(content, np.uint8).reshape(z, y, x)
