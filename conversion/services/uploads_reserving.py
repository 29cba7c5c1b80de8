"""Announcing uploads: who may send what, whether there is room for it, and what comes of it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Sum

from conversion.models import Upload
from conversion.uploads.names import checked_path, checked_upload_id
from datasets.access import Action, dataset_for, require_creation
from datasets.models import Dataset
from datasets.properties import Attachment, DataSource, MagProperties, VoxelSize
from datasets.services.composing import Link, check_links
from datasets.services.creation import create_dataset
from datasets.services.data_source import load
from datasets.services.data_source_parts import layer_named, with_attachment, with_mag
from datasets.services.data_stores import local_data_store
from datasets.services.paths_places import attachment_path, mag_path
from datasets.services.storage_accounting import used_and_quota
from datasets.storage import local
from sharing.access import Actor
from sharing.errors import Conflict, Invalid, NotAllowed
from sharing.models import Organization, User
from sharing.sizes import readable_size

from .uploads import cancel_upload, chunks_of, require_inside

State = Upload.State
Kind = Upload.Kind
JsonObject = dict[str, Any]
_OTHER_ID = "This id can't be used for an upload. Start the upload anew."


@dataclass(frozen=True)
class Announced:
    """What the client says it will send. `file_paths` are all files, where it names them."""

    upload_id: str
    files: int
    bytes: int
    file_paths: Sequence[str] | None = None


@dataclass(frozen=True)
class NewDataset:
    """The dataset that an upload is to become.

    With `to_be_converted` the files are kept as they come, for the converter. It takes the voxel
    size from here, else from the files.
    """

    name: str
    organization_id: str
    folder_id: str | None = None
    team_ids: Sequence[str] = ()
    require_unique_name: bool = False
    is_virtual: bool = False
    links: Sequence[Link] = field(default=())
    to_be_converted: bool = False
    voxel_size: VoxelSize | None = None


@dataclass(frozen=True)
class Into:
    """The layer that an uploaded mag or attachment is for, and whether it may take the place of
    another upload that is not finished.
    """

    dataset_id: str
    layer_name: str
    overwrite_pending: bool = False


def reserve_dataset(*, user: User, actor: Actor, announced: Announced, new: NewDataset) -> Upload:
    """An upload of a new dataset; the same again for an id that this person knows.

    Raises NotFound and NotAllowed as create_dataset and check_links do, NotAllowed where the
    quota does not allow for it, Invalid, BadUpload.
    """
    if known := _known(user, announced, Kind.DATASET):
        return known
    require_creation(actor, new.organization_id)
    _require_uploads_for(new.organization_id)
    if new.to_be_converted and new.links:
        raise Invalid(
            "Layers of other datasets can't be linked to a dataset that is still to be converted. "
            "Link them once it is."
        )
    check_links(actor, new.links)
    parameters: JsonObject = {"links": [list(link) for link in new.links]}
    if new.to_be_converted:
        parameters["voxelSize"] = new.voxel_size.to_json() if new.voxel_size else None

    def make(organization: Organization) -> Upload:
        dataset = create_dataset(
            actor=actor,
            organization_id=organization.pk,
            name=new.name,
            folder_id=new.folder_id,
            team_ids=new.team_ids,
            require_unique_name=new.require_unique_name,
            creation_type=Dataset.CreationType.UPLOAD,
            is_virtual=new.is_virtual,
            status=Dataset.Status.NOT_UPLOADED.value,
        )
        return _row(
            user,
            announced,
            kind=Kind.DATASET,
            organization=organization,
            dataset=dataset,
            place=dataset.directory_name,
            parameters=parameters,
        )

    return _reserve(user, announced, Kind.DATASET, new.organization_id, make)


def reserve_mag(
    *,
    user: User,
    actor: Actor,
    announced: Announced,
    into: Into,
    mag: MagProperties,
) -> Upload:
    """An upload of a mag into a layer of a dataset that the actor may edit.

    Raises Conflict where the layer has the mag, or another upload of it is not to be overwritten.
    """
    if known := _known(user, announced, Kind.MAG):
        return known
    dataset, data_source = _to_extend(actor, into.dataset_id)
    layer_name = into.layer_name
    layer = layer_named(data_source, layer_name)
    if layer.channels > 1:
        # The public library sends the first channel's index, which would hide the others.
        mag = mag.model_copy(update={"channel_index": None})
    with_mag(data_source, layer_name, mag)
    require_inside(dataset, mag_path(local.dataset_directory(dataset), layer_name, mag.mag))
    parameters = {"layer": layer_name, "mag": mag.to_json()}
    target = f"{layer_name}/{mag.mag.literal}"
    return _extend(user, announced, Kind.MAG, dataset, target, parameters, into)


def reserve_attachment(
    *,
    user: User,
    actor: Actor,
    announced: Announced,
    into: Into,
    kind: str,
    attachment: Attachment,
) -> Upload:
    """The same for an attachment; `kind` is its key in the properties. Raises as reserve_mag."""
    if known := _known(user, announced, Kind.ATTACHMENT):
        return known
    dataset, data_source = _to_extend(actor, into.dataset_id)
    layer_name = into.layer_name
    with_attachment(data_source, layer_name, kind, attachment)
    directory = local.dataset_directory(dataset)
    require_inside(dataset, attachment_path(directory, layer_name, kind, attachment))
    parameters = {"layer": layer_name, "kind": kind, "attachment": attachment.to_json()}
    target = f"{layer_name}/{kind}/{attachment.name}"
    return _extend(user, announced, Kind.ATTACHMENT, dataset, target, parameters, into)


def _known(user: User, announced: Announced, kind: Kind) -> Upload | None:
    """The person's own upload of this id, announced before; None also for somebody else's, of which
    nobody learns who may not announce this upload anyway.
    """
    upload_id = checked_upload_id(announced.upload_id)
    upload = Upload.objects.filter(upload_id=upload_id, owner=user).first()
    if upload is None:
        return None
    if upload.kind != kind:
        raise Invalid(_OTHER_ID)
    if upload.state in {State.FAILED, State.CANCELLED}:
        raise Invalid(f"{upload.message} An upload that has ended can't go on.")
    if upload.state == State.RESERVED:
        chunks_of(upload).create()
    return upload


def _to_extend(actor: Actor, dataset_id: str) -> tuple[Dataset, DataSource]:
    dataset = dataset_for(actor, dataset_id, Action.EDIT)
    if not dataset.is_active:
        raise Conflict(f"'{dataset}' can't be extended: {dataset.status}")
    _require_uploads_for(dataset.organization_id)
    directory = local.dataset_directory(dataset)
    if directory.exists() and not os.access(directory, os.W_OK):
        raise NotAllowed(
            f"'{dataset}' can't be extended: the site may only read its directory. Ask the "
            "operator to grant it the right to write there."
        )
    return dataset, load(dataset)


def _require_uploads_for(organization_id: str) -> None:
    store = local_data_store()
    only = store.only_allowed_organization_id
    if not store.allows_upload or (only and only != organization_id):
        raise NotAllowed(f"The data store '{store}' takes no uploads.")


def _extend(
    user: User,
    announced: Announced,
    kind: Kind,
    dataset: Dataset,
    target: str,
    parameters: JsonObject,
    into: Into,
) -> Upload:
    def make(organization: Organization) -> Upload:
        row = _row(
            user,
            announced,
            kind=kind,
            organization=organization,
            dataset=dataset,
            target=target,
            parameters=parameters,
        )
        pending = Upload.objects.live().filter(dataset=dataset, kind=kind, target=target).first()
        if pending is not None:
            if not into.overwrite_pending or pending.state == State.FINISHING:
                raise Conflict(
                    f"'{target}' of '{dataset}' is being uploaded already. Wait for that upload, "
                    "or overwrite what is pending."
                )
            cancel_upload(pending)
        return row

    return _reserve(user, announced, kind, dataset.organization_id, make)


def _row(user: User, announced: Announced, **columns: Any) -> Upload:
    paths = announced.file_paths
    if paths is not None and len(paths) != announced.files:
        raise Invalid(
            f"The upload announces {announced.files:,} files, but names {len(paths):,} of them in "
            "filePaths. Name all of them or none."
        )
    return Upload(
        upload_id=announced.upload_id,
        owner=user,
        announced_files=announced.files,
        announced_bytes=announced.bytes,
        file_paths=None if paths is None else [str(checked_path(path)) for path in paths],
        **columns,
    )


def _reserve(
    user: User,
    announced: Announced,
    kind: Kind,
    organization_id: str,
    make: Callable[[Organization], Upload],
) -> Upload:
    """The upload that `make` makes, while nobody else of the organization reserves anything."""
    try:
        with transaction.atomic():
            # Whoever comes second has to see what the first one announced.
            organization = Organization.objects.select_for_update(no_key=True).get(
                pk=organization_id
            )
            _require_room(organization, announced.bytes)
            upload: Upload = make(organization)
            upload.save(force_insert=True)
    except IntegrityError:  # the same request came twice at once, or the id is somebody else's
        if known := _known(user, announced, kind):
            return known
        if Upload.objects.filter(upload_id=announced.upload_id).exists():
            raise Invalid(_OTHER_ID) from None
        raise
    chunks_of(upload).create()
    return upload


def _require_room(organization: Organization, further_bytes: int) -> None:
    storage = used_and_quota(organization)
    announced = Upload.objects.filter(organization=organization).taking_room()
    pending = announced.aggregate(total=Sum("announced_bytes"))["total"] or 0
    if storage.is_exceeded_by(pending + further_bytes):
        raise NotAllowed(
            f"There is no room for this upload of {readable_size(further_bytes)}: of "
            f"{readable_size(storage.included_bytes or 0)}, {organization} uses "
            f"{readable_size(storage.used_bytes)} and {readable_size(pending)} are being "
            "uploaded. Delete datasets or unfinished uploads, or ask the operator for more."
        )
