"""Deletes datasets, and with them the data that is theirs and that no other dataset needs."""

import os
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from datasets.access import Action, not_found, require
from datasets.models import Dataset
from datasets.storage import local, trash
from sharing.access import Actor
from sharing.errors import Conflict

from . import audience, emptying
from .data_source import change, clear
from .data_users import absolute, named_paths, unused_places, users_of
from .thumbnails import clear_thumbnails

_NAMED_AT_MOST = 10


@dataclass(frozen=True)
class Users:
    """The other datasets that need a dataset's data: those that the actor may see, by name, and how
    many more there are.
    """

    visible: tuple[Dataset, ...]
    hidden: int


def users_of_data(*, actor: Actor, dataset: Dataset) -> Users:
    """Who needs the data in the dataset's directory; the dataset's editors may ask."""
    require(actor, Action.EDIT, dataset)
    return _seen_by(actor, _users(dataset))


def delete_dataset(*, actor: Actor, dataset: Dataset) -> None:
    """Delete the dataset for good.

    Its directory goes with it, and what scripts put where the site had told them to; of a directory
    that is a link, only the link. Data elsewhere (remote, or other datasets') stays.

    Raises Conflict where its disk is away, where the data can't be moved aside, and where others
    need data in the directory; a virtual dataset is deleted nevertheless, and they keep what they
    need.
    """
    organization_directories = local.organization_directories(dataset.organization_id)
    with trash.Removal(organization_directories) as removal, transaction.atomic():
        audience.hold({dataset.organization_id})  # else a folder that gets a team waits for it
        locked = Dataset.objects.select_for_update(no_key=True).filter(pk=dataset.pk).first()
        if locked is None:
            raise not_found(actor)
        require(actor, Action.DELETE, locked)
        _require_mounted(locked)
        users = _users(locked)
        if users and not locked.is_virtual:
            raise _still_needed(locked, _seen_by(actor, users))
        if users:
            _keep_what_is_needed(locked, removal)
        else:
            for directory in _existing_directories(locked):
                removal.take(directory)
            locked.delete()
        emptying.empty_after_commit(dataset.organization_id, removal)
        transaction.on_commit(lambda: clear_thumbnails(dataset.pk), robust=True)


def _require_mounted(dataset: Dataset) -> None:
    """Data on a disk that is away would stay there, with nobody to know of it."""
    if not dataset.is_active:
        return
    own = local.dataset_directories(dataset)
    named = [absolute(own[0], path) for path in named_paths(dataset)]
    for directory in own:
        is_used = not dataset.is_virtual or any(
            place is not None and directory in place.parents for place in named
        )
        if is_used and not directory.parent.is_dir():
            raise Conflict(
                f"'{dataset}' can't be deleted now: the directory that holds its data can't be "
                "read. Check that its disk is mounted."
            )


def _existing_directories(dataset: Dataset) -> list[Path]:
    return [place for place in local.dataset_directories(dataset) if os.path.lexists(place)]


def _users(dataset: Dataset) -> set[str]:
    users = users_of(
        _existing_directories(dataset), organization_id=dataset.organization_id, besides=dataset
    )
    return set().union(*users.values())


def _seen_by(actor: Actor, user_ids: set[str]) -> Users:
    visible = tuple(Dataset.objects.visible_to(actor).filter(pk__in=user_ids).order_by("name"))
    return Users(visible, len(user_ids) - len(visible))


def _still_needed(dataset: Dataset, users: Users) -> Conflict:
    names = [f"'{user}'" for user in users.visible[:_NAMED_AT_MOST]]
    unnamed = len(users.visible) - len(names)
    if unnamed:
        names.append(f"{unnamed} more")
    if users.hidden:
        s = "" if users.hidden == 1 else "s"
        names.append(f"{users.hidden} dataset{s} that you can't see")
    *first, last = names
    listed = f"{', '.join(first)} and {last}" if first else last
    return Conflict(
        f"'{dataset}' can't be deleted: its data is used by {listed}. Delete those first, or "
        "remove the layers in question from them."
    )


def _keep_what_is_needed(dataset: Dataset, removal: trash.Removal) -> None:
    """Others need parts of a virtual dataset's data: remove the rest. The row stays, as deleted, so
    that no scan takes the directory for a new dataset.
    """
    for place in unused_places(dataset, named_paths(dataset), besides=dataset):
        removal.take(place)
    clear(dataset)
    change(dataset, status=Dataset.Status.DELETED.value)
