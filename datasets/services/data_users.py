"""Which datasets need what lies at a place on the disk: asked before any of it is removed."""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from django.db.models import Q, QuerySet

from datasets.models import Attachment, Dataset, Mag
from datasets.storage import local, trash

_MOST_LINKS = 40


def users_of(
    places: Collection[Path], *, organization_id: str, besides: Dataset | None = None
) -> Mapping[Path, set[str]]:
    """For each of these places of an organization, the ids of the datasets with a mag or attachment
    at it, inside or above it, or reached through it; those of `besides` don't count.

    Of other organizations' datasets only those count that the operator linked to it: what they
    merely refer to gives them no say in what happens to it.
    """
    entries = {place: Path(os.path.realpath(place.parent)) / place.name for place in places}
    users: dict[Path, set[str]] = {place: set() for place in places}
    if not places:
        return users
    for dataset_id, named in _named_places(entries.values(), organization_id, besides):
        ends_at, visited = os.path.realpath(named), _visited(os.fspath(named))
        for place, entry in entries.items():
            if entry.is_relative_to(ends_at) or os.fspath(entry) in visited:
                users[place].add(dataset_id)
    return users


def unused_places(
    dataset: Dataset, paths: Iterable[str], *, besides: Dataset | None = None
) -> list[Path]:
    """Of the paths that the dataset names, the places that are its own and that nobody needs (as
    `users_of`); none of them inside another.
    """
    directories = local.dataset_directories(dataset)
    named = (absolute(directories[0], path) for path in paths)
    own = (
        trash.own_place(directory, place)
        for place in named
        if place is not None
        for directory in directories
    )
    users = users_of(
        {place for place in own if place is not None},
        organization_id=dataset.organization_id,
        besides=besides,
    )
    unused = {place for place, needed_by in users.items() if not needed_by}
    return sorted(place for place in unused if not unused & set(place.parents))


def named_paths(dataset: Dataset) -> list[str]:
    """Every path at which a mag or attachment of the dataset may lie."""
    mags: QuerySet[Any] = Mag.objects.filter(layer__dataset=dataset)
    paths = [
        name
        for path, *default in mags.values_list("path", "layer__name", "x", "y", "z")
        for name in ([path] if path else _default_paths(*default))
    ]
    return [
        *paths,
        *Attachment.objects.filter(layer__dataset=dataset).values_list("path", flat=True),
    ]


def absolute(directory: Path, path: str) -> Path | None:
    """The place on this machine that a dataset in `directory` calls `path`; None for a URI."""
    named = re.sub(r"^file://", "", path)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", named) or "\0" in named:
        return None
    return directory / named


def _default_paths(layer_name: str, x: int, y: int, z: int) -> list[str]:
    names = dict.fromkeys((str(x) if x == y == z else f"{x}-{y}-{z}", f"{x}-{y}-{z}"))
    return [f"{layer_name}/{name}" for name in names]


def _named_places(
    entries: Collection[Path], owner_id: str, besides: Dataset | None
) -> Iterator[tuple[str, Path]]:
    """Datasets with a place that may concern the entries: of a mag where it was last found there,
    or nowhere; of an attachment always, since nobody wrote down where it lies.
    """
    reals = {Path(os.path.realpath(entry)) for entry in entries}
    above = {os.fspath(parent) for real in (*entries, *reals) for parent in real.parents}
    near = Q(real_path="") | Q(real_path__in=above)
    # Mags that lie beside each other share a prefix, which keeps the query short.
    for folder in {real.parent for real in reals}:
        near |= Q(real_path__startswith=f"{folder}/")
    mags: QuerySet[Any] = Mag.objects.filter(near)
    attachments: QuerySet[Any] = Attachment.objects.all()
    if besides is not None:
        mags = mags.exclude(layer__dataset=besides)
        attachments = attachments.exclude(layer__dataset=besides)
    dataset = ("layer__dataset", "layer__dataset__organization", "layer__dataset__directory_name")
    named: Iterator[tuple[Any, ...]] = chain(
        mags.order_by().values_list(*dataset, "path", "layer__name", "x", "y", "z").iterator(),
        attachments.order_by().values_list(*dataset, "path").iterator(),
    )
    for dataset_id, organization_id, directory_name, path, *default in named:
        directory = local.organization_directory(organization_id) / directory_name
        for name in [path] if path else _default_paths(*default):
            place = absolute(directory, name)
            if place is not None and (organization_id == owner_id or _stays_in(directory, place)):
                yield dataset_id, place


def _stays_in(directory: Path, place: Path) -> bool:
    """Whether the place is called by a name inside the directory; links in it may lead out."""
    return Path(os.path.normpath(place)).is_relative_to(directory)


def _visited(path: str) -> set[str]:
    """Every directory, file and link that resolving `path` passes, the last one included."""
    visited: set[str] = set()
    pending, here, links = path.split("/")[::-1], "", 0
    while pending:
        part = pending.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            here = os.path.dirname(here)  # noqa: PTH120 (text, and `here` has no links in it)
            continue
        place = f"{here}/{part}"
        visited.add(place)
        if os.path.islink(place) and links < _MOST_LINKS:  # noqa: PTH114
            links += 1
            target = os.readlink(place)  # noqa: PTH115
            pending += target.split("/")[::-1]
            here = "" if target.startswith("/") else here
        else:
            here = place
    return visited
