"""Whether a dataset's voxels can be read now, and what of them can't."""

from datasets.access import Action, require
from datasets.models import Dataset
from datasets.streaming.catalog import ServedMag, serve
from datasets.voxels.errors import VoxelsError
from sharing.access import Actor
from sharing.errors import ServiceError


def problems_of_data(*, actor: Actor, dataset: Dataset) -> list[str]:
    """Why the dataset, or a mag of it, can't be read, as sentences; empty where all is well.

    Reasons, which name places on the server, are for the people of the organization.
    """
    require(actor, Action.VIEW, dataset)
    if dataset.status:
        return [f"The dataset can't be read: {dataset.status}"]
    found = []
    is_insider = actor.belongs_to(dataset.organization_id)
    for layer in serve(dataset).layers.values():
        for literal, mag in layer.mags.items():
            reason = _why_unreadable(mag)
            if reason is not None:
                sentence = f"Layer '{layer.properties.name}', mag {literal} can't be read."
                found.append(f"{sentence} {reason}" if is_insider else sentence)
    return found


def _why_unreadable(mag: ServedMag) -> str | None:
    try:
        mag.directory()  # an array that was opened before may have lost its files since
        mag.array()
    except (VoxelsError, ServiceError) as error:
        return str(error)
    return None
