"""Folders: made, changed, moved and deleted by those who may edit them.

Whoever changes an organization's tree holds the organization's row until the transaction ends. So
two moves at once, each fine alone, can't make a circle, and nothing is put into a folder that is
being deleted. Who may read the datasets below follows by signals (datasets.signals).
"""

import unicodedata
from collections.abc import Collection
from typing import Any

from django.db import IntegrityError, transaction

from datasets.access import not_found
from datasets.models import Dataset, Folder
from sharing.access import Actor
from sharing.errors import Invalid, NotAllowed
from sharing.models import Organization

from . import metadata as metadata_rules
from .audience import READ_FOLDER
from .folder_tree import node_for
from .granting import give_to_teams

LONGEST_NAME = 256
_CONTROL_CHARACTERS = {"Cc", "Cs"}
"""Of Unicode's categories: control characters, and halves of characters."""


def create_folder(*, actor: Actor, parent_id: str, name: str) -> Folder:
    """A new folder without teams of its own; it inherits the parent's."""
    name = _checked_name(name)
    with transaction.atomic():
        parent = _held(actor, parent_id)
        return Folder.objects.create(organization=parent.organization, parent=parent, name=name)


def update_folder(
    *,
    actor: Actor,
    folder_id: str,
    name: str,
    team_ids: Collection[str],
    metadata: list[dict[str, Any]] | None = None,
) -> Folder:
    """Change the folder's name and teams, and its metadata unless that is None.

    Raises as datasets.services.granting and .metadata do.
    """
    name = _checked_name(name)
    with transaction.atomic():
        folder = _held(actor, folder_id)
        changed: dict[str, Any] = {"name": name}
        if metadata is not None:
            changed["metadata"] = metadata_rules.checked(metadata)
        # Not saved: neither says who may read what, so the datasets below need no second look.
        Folder.objects.filter(pk=folder.pk).update(**changed)
        folder.refresh_from_db()
        give_to_teams(actor=actor, thing=folder, permission=READ_FOLDER, team_ids=team_ids)
    return folder


def move_folder(*, actor: Actor, folder_id: str, new_parent_id: str) -> Folder:
    """Put the folder, with everything below it, into another one."""
    with transaction.atomic():
        folder = _held(actor, folder_id)
        new_parent = _editable(actor, new_parent_id)
        if folder.parent_id is None:
            raise Invalid(f"'{folder}' is the root of all folders and can't be moved.")
        if new_parent.organization_id != folder.organization_id:
            raise Invalid(f"'{folder}' can't be moved to another organization.")
        if Folder.objects.chain_to(new_parent.pk).filter(pk=folder.pk).exists():
            raise Invalid(
                f"'{folder}' can't be moved into itself or a folder below it. Choose another one."
            )
        folder.parent = new_parent
        folder.save(update_fields=["parent"])
    return folder


def delete_folder(*, actor: Actor, folder_id: str) -> Folder:
    """Delete the folder, which must be empty; what it was."""
    try:
        with transaction.atomic():
            folder = _held(actor, folder_id)
            if folder.parent_id is None:
                raise Invalid(f"'{folder}' is the root of all folders and can't be deleted.")
            if (
                Folder.objects.filter(parent=folder).exists()
                or Dataset.objects.filter(folder=folder).exists()
            ):
                raise _not_empty(folder)
            folder.delete()
    except IntegrityError as error:  # a dataset came just now
        raise _not_empty(folder) from error
    return folder


def _not_empty(folder: Folder) -> Invalid:
    return Invalid(
        f"'{folder}' is not empty and can't be deleted. Move or delete the folders and datasets "
        "in it first; some may be hidden from you."
    )


def _held(actor: Actor, folder_id: str) -> Folder:
    """The folder, which `actor` may edit; nobody else changes the tree meanwhile."""
    organization = Organization.objects.filter(folders=folder_id)
    if organization.select_for_update(no_key=True, of=("self",)).first() is None:
        raise not_found(actor)
    return _editable(actor, folder_id)


def _editable(actor: Actor, folder_id: str) -> Folder:
    """The folder; NotFound where `actor` does not see it, NotAllowed where they may not edit it."""
    node = node_for(actor, folder_id)
    if not node.may_edit:
        raise NotAllowed(
            f"You are not allowed to change the folder '{node.folder}'. Ask an admin, a dataset "
            "manager or the manager of a team that it is given to."
        )
    return node.folder


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name:
        raise Invalid("A folder needs a name.")
    if len(name) > LONGEST_NAME:
        raise Invalid(f"The name of a folder has at most {LONGEST_NAME} characters.")
    if "/" in name:
        raise Invalid(
            f"'{name}' can't be a folder's name: '/' stands between folders. Leave it out."
        )
    if any(unicodedata.category(character) in _CONTROL_CHARACTERS for character in name):
        raise Invalid("The name of a folder holds no line breaks or other control characters.")
    return name
