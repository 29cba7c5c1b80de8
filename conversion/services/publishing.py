"""Data that was put into a dataset's directory: looked into, and known to the tables."""

from pathlib import Path

from conversion.uploads.names import BadUpload
from datasets import properties
from datasets.disk import listing, reconcile
from datasets.disk.examine import Examined, examine
from datasets.models import Dataset
from datasets.properties.compare import content_hash
from datasets.services.data_source import change


def examined(directory: Path, name: str) -> Examined:
    """The data, looked into. Raises BadUpload where it can't be used."""
    entry = listing.Entry(name, directory, listing.signature_of(directory))
    found = examine(entry)
    if found.data_source is None:
        raise BadUpload(_why_unusable(found))
    unreadable = [place.problem for place in found.places.values() if place.problem]
    if unreadable and len(unreadable) == len(found.places):
        raise BadUpload(" ".join(unreadable[:3]))
    return found


def remember_file(dataset: Dataset, directory: Path) -> None:
    """Let the tables know the properties file as it is; the caller holds the dataset's lock."""
    change(
        dataset,
        properties_hash=content_hash(properties.read(directory / properties.FILE_NAME)),
        disk_signature=listing.signature_of(directory),
        **reconcile.NOTHING_WAITS,
    )


def _why_unusable(found: Examined) -> str:
    inference = found.inference
    if inference is None:
        return found.status.removeprefix("Error: ")
    sentences = [*inference.problems[:3]]
    if inference.missing:
        sentences.append(
            f"The data does not say its {', '.join(inference.missing)}. Add a "
            f"{properties.FILE_NAME} that does."
        )
    return " ".join(sentences) or found.status
