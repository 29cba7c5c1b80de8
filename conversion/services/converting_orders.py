"""What people ask of conversions: to convert images on the server's disk, and to try again with
what was missing.
"""

from typing import Any

from django.db import transaction

from conversion.access import job_for
from conversion.models import Job
from conversion.readers.series import Choice
from datasets.models import Dataset
from datasets.properties import VoxelSize
from datasets.services.creation import create_dataset
from sharing.access import Actor
from sharing.errors import Conflict, NotAllowed
from sharing.models import User

from . import jobs
from .converting_sources import allowed_source


@transaction.atomic
def convert_path(
    *,
    actor: Actor,
    organization_id: str,
    name: str,
    path: str,
    voxel_size: VoxelSize | None = None,
) -> Job:
    """A job that converts a file or folder on the server's disk into a new dataset; for admins.

    The path lies inside ALLOWED_DATA_PATHS, links followed; what lies there is only read, and
    stays. Raises NotAllowed, Invalid, and what create_dataset raises.
    """
    if not actor.administers(organization_id):
        raise NotAllowed("Only admins may have data on the server's disk converted.")
    source = allowed_source(path)
    dataset = create_dataset(
        actor=actor,
        organization_id=organization_id,
        name=name,
        creation_type=Dataset.CreationType.DISK_SCAN,
        status=Dataset.Status.NOT_CONVERTED.value,
    )
    return jobs.create(
        kind=Job.Kind.CONVERT,
        organization=dataset.organization,
        owner=User.objects.filter(pk=actor.user_id).first(),
        dataset=dataset,
        arguments={
            "source": str(source),
            "voxelSize": voxel_size.to_json() if voxel_size else None,
        },
    )


def retry_with(
    *,
    actor: Actor,
    job_id: str,
    voxel_size: VoxelSize | None = None,
    differing: Choice | None = None,
) -> Job:
    """Try a conversion again with what it asked for. Raises Conflict where it asked for nothing of
    that kind, and what jobs.retry raises.
    """
    job = job_for(actor, job_id)
    asks = job.result.get("asks", {})
    answers: dict[str, Any] = {}
    if voxel_size is not None and "voxelSize" in asks:
        answers["voxelSize"] = voxel_size.to_json()
    if differing is not None and differing in asks.get("differing", ()):
        answers["differing"] = differing.value
    if not answers:
        raise Conflict("This job asks for nothing like that. Look at why it failed.")
    return jobs.retry(actor=actor, job_id=job_id, answers=answers)
