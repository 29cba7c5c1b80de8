"""Signals that keep what is derived from grants and folders in step, however a row was changed."""

from typing import Any

from django.db.models import Model, QuerySet
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from sharing import generation
from sharing.models import SharingLink

from .models import (
    Dataset,
    DatasetGroupObjectPermission,
    Folder,
    FolderGroupObjectPermission,
)
from .services import audience


def _is_cascade(sender: type[Model], origin: Model | QuerySet[Model] | None) -> bool:
    """Whether a grant goes only because its dataset, folder or team does, and the pairs with it.

    Refreshing a dataset that is about to go would bring back pairs that nothing deletes then.
    """
    model = origin.model if isinstance(origin, QuerySet) else type(origin)
    return origin is not None and model is not sender


@receiver([post_save, post_delete], sender=DatasetGroupObjectPermission)
def _dataset_grant_changed(
    sender: type[Model],
    instance: DatasetGroupObjectPermission,
    origin: Model | QuerySet[Model] | None = None,
    **_: Any,
) -> None:
    if not _is_cascade(sender, origin):
        audience.refresh(Dataset.objects.filter(pk=instance.content_object_id))


@receiver([post_save, post_delete], sender=FolderGroupObjectPermission)
def _folder_grant_changed(
    sender: type[Model],
    instance: FolderGroupObjectPermission,
    origin: Model | QuerySet[Model] | None = None,
    **_: Any,
) -> None:
    if not _is_cascade(sender, origin):
        audience.refresh_below(instance.content_object)


@receiver(post_save, sender=Folder)
def _folder_saved(instance: Folder, created: bool, **_: Any) -> None:
    if not created:  # it may have moved
        audience.refresh_below(instance)


@receiver(post_save, sender=Dataset)
def _dataset_saved(instance: Dataset, **_: Any) -> None:
    audience.refresh([instance])
    generation.bump_on_commit()


@receiver(post_delete, sender=Dataset)
def _dataset_deleted(instance: Dataset, **_: Any) -> None:
    # Links point to anything, so that no foreign key takes them along.
    SharingLink.objects.to(instance).delete()
    generation.bump_on_commit()
