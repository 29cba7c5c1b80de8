"""Where a dataset's files lie on this machine, and which of the paths named for them may be opened.

A dataset, layer or mag may be a link of the operator's, which may lead anywhere but to the site's
own files: that is its purpose. A path that is written in properties, and a link further down, may
not: it stays inside its dataset, inside a place to which the dataset's own links lead, or inside
ALLOWED_DATA_PATHS. Both are judged again each time something is opened.
"""

import contextlib
import errno
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from django.conf import settings

from datasets import models, properties
from sharing.errors import NotFound

from .given import given_to, organization_places, upload_places


class NoSuchData(NotFound):
    """A path in a dataset's properties that leads nowhere, or where it may not lead."""


def organization_directory(organization_id: str) -> Path:
    """The directory that holds the organization's datasets; its names are made by the operator."""
    return Path(settings.BINARY_DATA_DIR) / organization_id


def dataset_directory(dataset: models.Dataset) -> Path:
    """The dataset's directory, or the link to it; it need not exist."""
    return organization_directory(dataset.organization_id) / dataset.directory_name


def organization_directories(organization_id: str) -> list[Path]:
    """The directories that hold data of the organization's datasets: the one below BINARY_DATA_DIR,
    then those for uploads to paths.
    """
    directory = organization_directory(organization_id)
    real = Path(os.path.realpath(directory))
    return [directory, *(place for place in organization_places(organization_id) if place != real)]


def dataset_directories(dataset: models.Dataset) -> list[Path]:
    """The dataset's directory, then those where the site had scripts put its data; none needs to
    exist. What lies there belongs to the dataset, unless a link leads elsewhere.
    """
    if not dataset.is_virtual:  # uploads to paths go into virtual datasets only
        return [dataset_directory(dataset)]
    directories = organization_directories(dataset.organization_id)
    return [directory / dataset.directory_name for directory in directories]


def mag_directory(mag: models.Mag) -> Path:
    """The existing directory of the mag. Raises NoSuchData with a sentence."""
    literals = dict.fromkeys((mag.literal, f"{mag.x}-{mag.y}-{mag.z}"))
    names = [mag.path] if mag.path else [f"{mag.layer.name}/{literal}" for literal in literals]
    return _first_directory(dataset_directory(mag.layer.dataset), names)


def resolve_mag_path(
    directory: Path, layer: properties.Layer, mag: properties.MagProperties
) -> Path:
    """The existing directory of a mag of the dataset in `directory`. Raises NoSuchData."""
    names = [mag.path] if mag.path else layer.default_mag_paths(mag.mag)
    return _first_directory(directory, names)


def resolve(directory: Path, path: str) -> Path:
    """Where a path in the properties of the dataset in `directory` leads, existing or not.

    Raises NoSuchData for one that may not be opened.
    """
    if "\0" in path:
        raise NoSuchData(f"The path {path!r} holds a NUL character; correct it.")
    named = re.sub(r"^file://", "", path)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", named):
        raise NoSuchData(
            f"The path {path!r} is a URI of a remote storage; this is a local dataset."
        )
    target = directory / named
    real = Path(os.path.realpath(target))
    if is_private(real):
        raise NoSuchData(f"The path {path!r} leads to the site's own files; correct it.")
    if not named.startswith("/") and ".." not in PurePosixPath(named).parts:
        return target
    if may_read(directory, real):
        return real
    raise NoSuchData(
        f"The path {path!r} leads out of the dataset's directory. Use a path inside it, or have "
        "the operator link the data into the directory or add the place to ALLOWED_DATA_PATHS."
    )


def may_read(directory: Path, real_path: Path | str) -> bool:
    """Whether properties of the dataset in `directory`, or a link in a mag of it, may lead there.

    Not whether the dataset, a layer or a mag may be a link to there: see `is_private`.
    """
    real = Path(real_path)
    if is_private(real):
        return False
    places = [*settings.ALLOWED_DATA_PATHS]
    if not directory.is_symlink():
        places.append(Path(os.path.realpath(directory)))
    if any(real.is_relative_to(place) for place in places):
        return True
    given = given_to(directory, real)
    further = upload_places(directory) if given.is_virtual else _linked_places(directory)
    return given.is_referred_to or any(real.is_relative_to(place) for place in further)


def is_private(real_path: Path) -> bool:
    """Whether data there would open the site's own files: DATA_DIR but for the datasets in it."""
    own, published = Path(settings.DATA_DIR), Path(settings.BINARY_DATA_DIR)
    if own.is_relative_to(real_path):
        return True
    is_published = published != own and published.is_relative_to(own)
    return real_path.is_relative_to(own) and not (
        is_published and real_path.is_relative_to(published)
    )


def _first_directory(directory: Path, names: Sequence[str]) -> Path:
    targets = [resolve(directory, name) for name in names]
    for target in targets:
        if os.path.isdir(target):  # noqa: PTH112 (never raises, unlike Path.is_dir)
            return target
    raise NoSuchData(_why_absent(names[0], targets[0]))


def _why_absent(name: str, target: Path) -> str:
    """Why no directory can be opened at `target`, which the properties call `name`."""
    try:
        found = target.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return f"The path {name!r} is a link that leads to itself; correct the link."
        if error.errno == errno.EACCES:
            return f"The site may not read {name!r}; grant it the right to."
        dangling = next((part for part in (target, *target.parents) if part.is_symlink()), None)
        if dangling is not None and not os.path.exists(dangling):  # noqa: PTH110 (likewise)
            return f"The link {dangling.name!r} leads nowhere; mount or restore what it leads to."
        return f"There is no directory {name!r} in the dataset; restore it or correct the path."
    return f"{name!r} is not a directory (its size is {found.st_size} bytes); correct the path."


def _linked_places(directory: Path) -> Iterator[Path]:
    """Where the links that the operator made lead: the directory itself, its layers and mags."""
    yield Path(os.path.realpath(directory))
    for layer in _entries(directory):
        if layer.is_symlink():
            yield Path(os.path.realpath(layer.path))
        elif layer.is_dir():
            mags = _entries(Path(layer.path))
            yield from (Path(os.path.realpath(mag.path)) for mag in mags if mag.is_symlink())


def _entries(directory: Path) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        yield from entries
