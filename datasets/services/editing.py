"""Changes what people say of a dataset, some keys at a time: what is not named stays as it is.

What an edit of the data source may change is for datasets.properties.merge; teams are for
datasets.services.dataset_teams.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from django.db import transaction

from datasets.access import Action, folder_for, not_found, require
from datasets.models import Dataset, Tag
from datasets.properties import AttachmentRenaming, DataSource
from datasets.storage import local, trash
from sharing.access import Actor
from sharing.errors import Invalid

from . import audience, emptying, metadata
from .data_source_edit import edit_data_source
from .settings_file import noticing_changes

LONGEST_NAME = 512
LONGEST_TAG = 64
_EDITS = {"data_source", "layer_renamings", "attachment_renamings"}


class Changes(TypedDict, total=False):
    """What is to change; an absent key changes nothing."""

    name: str
    description: str
    sorting_key: datetime | None
    is_public: bool
    tags: Sequence[str]
    metadata: list[dict[str, Any]]
    folder_id: str
    data_source: DataSource
    layer_renamings: Mapping[str, str]
    attachment_renamings: Sequence[AttachmentRenaming]


def update_dataset(*, actor: Actor, dataset: Dataset, changes: Changes) -> None:
    """Make the changes, all or none. Mags and attachments that an edit of the data source removes
    and no other dataset needs are removed from the disk.

    Two changes at once take turns; each sets only what it names. Raises Invalid, Conflict and
    NotWritten as settings_file does.
    """
    organization_directories = local.organization_directories(dataset.organization_id)
    with (
        noticing_changes(dataset),
        trash.Removal(organization_directories) as removal,
        transaction.atomic(),
    ):
        audience.hold({dataset.organization_id})
        locked = Dataset.objects.select_for_update(no_key=True).filter(pk=dataset.pk).first()
        if locked is None:
            raise not_found(actor)
        require(actor, Action.EDIT, locked)
        if _EDITS & changes.keys():
            edit_data_source(
                locked,
                removal,
                edit=changes.get("data_source"),
                layer_renamings=changes.get("layer_renamings", {}),
                attachment_renamings=changes.get("attachment_renamings", ()),
            )
        _set_columns(actor, locked, changes)
        if "tags" in changes:
            _set_tags(locked, changes["tags"])
        emptying.empty_after_commit(dataset.organization_id, removal)
    dataset.refresh_from_db()


def _set_columns(actor: Actor, dataset: Dataset, changes: Changes) -> None:
    values: dict[str, Any] = {
        column: changes[column]
        for column in ("description", "sorting_key", "is_public")
        if column in changes
    }
    if "name" in changes:
        values["name"] = _checked_name(changes["name"])
    if "metadata" in changes:
        values["metadata"] = metadata.checked(changes["metadata"])
    if "folder_id" in changes and changes["folder_id"] != dataset.folder_id:
        folder = folder_for(actor, changes["folder_id"], Action.EDIT)
        if folder.organization_id != dataset.organization_id:
            raise Invalid(f"'{dataset}' can't move to a folder of another organization.")
        values["folder"] = folder
    if values:
        for column, value in values.items():
            setattr(dataset, column, value)
        dataset.save(update_fields=list(values))


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name:
        raise Invalid("A dataset needs a name.")
    if len(name) > LONGEST_NAME:
        raise Invalid(f"A dataset's name has at most {LONGEST_NAME} characters.")
    return name


def _set_tags(dataset: Dataset, names: Sequence[str]) -> None:
    wanted = list(dict.fromkeys(name.strip() for name in names))
    if "" in wanted:
        raise Invalid("A tag has no name; name it or remove it.")
    if too_long := [name for name in wanted if len(name) > LONGEST_TAG]:
        raise Invalid(
            f"The tag '{too_long[0][:32]}…' has more than {LONGEST_TAG} characters; shorten it."
        )
    organization = dataset.organization
    Tag.objects.bulk_create(
        [Tag(organization=organization, name=name) for name in wanted], ignore_conflicts=True
    )
    dataset.tags.set(Tag.objects.filter(organization=organization, name__in=wanted))
