"""The places that the site itself gave a dataset, outside of what its own directory holds.

References: places of other datasets, written down as `DataReference` when somebody who may read
the source asked for them. Places for uploads to paths: the dataset's own below BINARY_DATA_DIR and
each of UPLOAD_PATHS. What else may be opened is for datasets.storage.local.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import Exists, OuterRef

from datasets import models


@dataclass(frozen=True)
class Given:
    """What the tables say of the dataset in a directory, and of a place that it may read or not.

    A virtual dataset's directory is filled through the API. So links in it are not the operator's,
    and are worth nothing by themselves.
    """

    is_virtual: bool = False
    is_referred_to: bool = False


def given_to(directory: Path, real_path: Path) -> Given:
    """What was given to the dataset in `directory`, which its last two names tell apart; in one
    query that takes as long for a thousand references as for one.
    """
    names = [os.fspath(place) for place in (real_path, *real_path.parents)]
    storable = [name for name in names if not any("\ud800" <= char <= "\udfff" for char in name)]
    references = models.DataReference.objects.filter(dataset=OuterRef("pk"), path__in=storable)
    found = (
        models.Dataset.objects.filter(
            organization=directory.parent.name, directory_name=directory.name
        )
        .values_list("is_virtual", Exists(references))
        .first()
    )
    return Given(*found) if found else Given()


def upload_places(directory: Path) -> Iterator[Path]:
    """Where an upload to paths may put the data of the dataset in `directory`, the preferred
    place first; none needs to exist.

    Links on the way are followed but for the last name: whoever uploads could make it one.
    """
    for place in organization_places(directory.parent.name):
        yield place / directory.name


def organization_places(organization_id: str) -> Iterator[Path]:
    """The directories that hold the places for an organization's uploads to paths, no links."""
    for place in dict.fromkeys([*settings.UPLOAD_PATHS, Path(settings.BINARY_DATA_DIR)]):
        yield Path(os.path.realpath(place / organization_id))
