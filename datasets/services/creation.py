"""New datasets that come in through the API: the row, before there is anything to read."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from datasets.access import Action, folder_for, not_found, require_creation
from datasets.models import Dataset, Folder
from sharing.access import Actor
from sharing.errors import Conflict, Invalid
from sharing.models import Organization

from .audience import READ_DATASET
from .data_stores import local_data_store
from .folders import root_of
from .granting import give_to_teams
from .names import problems_of_new_name

_LONGEST_NAME = 512
# A directory's name has at most 255 bytes, of which the id and a dash take 25.
_LONGEST_DIRECTORY_START = 200


@transaction.atomic
def create_dataset(
    *,
    actor: Actor,
    organization_id: str,
    name: str,
    folder_id: str | None = None,
    team_ids: Sequence[str] = (),
    require_unique_name: bool = False,
    **columns: Any,
) -> Dataset:
    """A dataset without layers, in the folder (by default the root) and for these teams.

    Its directory is called `<name>-<id>`. `columns` are further columns of the row. Raises NotFound
    and NotAllowed for those who may not bring data in or not put it there, Invalid for a bad name
    or team, Conflict for a name that must be unique and is taken.
    """
    require_creation(actor, organization_id)
    if problems := problems_of_new_name(name):
        raise Invalid(*problems)
    if len(name) > _LONGEST_NAME:
        raise Invalid(f"A dataset's name has at most {_LONGEST_NAME} characters.")
    organization = Organization.objects.filter(pk=organization_id).first()
    if organization is None:
        raise not_found(actor)
    folder = _folder(actor, organization, folder_id)
    if require_unique_name and Dataset.objects.of(organization).filter(name=name).exists():
        raise Conflict(f"There is already a dataset named '{name}'. Choose another name.")
    dataset = Dataset(
        organization=organization,
        name=name,
        folder=folder,
        data_store=local_data_store(),
        uploader_id=actor.user_id,
        **columns,
    )
    dataset.directory_name = f"{name[:_LONGEST_DIRECTORY_START]}-{dataset.pk}"
    dataset.save(force_insert=True)
    give_to_teams(actor=actor, thing=dataset, permission=READ_DATASET, team_ids=team_ids)
    return dataset


def _folder(actor: Actor, organization: Organization, folder_id: str | None) -> Folder:
    root = root_of(organization)
    # Whoever names no folder gets the root, so naming it asks for nothing more.
    if folder_id is None or folder_id == root.pk:
        return root
    folder = folder_for(actor, folder_id, Action.EDIT)
    if folder.organization_id != organization.pk:
        raise Invalid(f"The folder '{folder}' belongs to another organization.")
    return folder
