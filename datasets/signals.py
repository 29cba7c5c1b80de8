"""Signals that keep what is derived from grants and folders in step, however a row was changed."""

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from sharing import generation

from .models import (
    Dataset,
    DatasetGroupObjectPermission,
    Folder,
    FolderGroupObjectPermission,
)
from .services import audience


@receiver([post_save, post_delete], sender=DatasetGroupObjectPermission)
def _dataset_grant_changed(instance: DatasetGroupObjectPermission, **_: Any) -> None:
    audience.refresh(Dataset.objects.filter(pk=instance.content_object_id))


@receiver([post_save, post_delete], sender=FolderGroupObjectPermission)
def _folder_grant_changed(instance: FolderGroupObjectPermission, **_: Any) -> None:
    folder = Folder.objects.filter(pk=instance.content_object_id).first()
    if folder is not None:
        audience.refresh_below(folder)


@receiver(post_save, sender=Folder)
def _folder_saved(instance: Folder, created: bool, **_: Any) -> None:
    if not created:  # it may have moved
        audience.refresh_below(instance)


@receiver(post_save, sender=Dataset)
def _dataset_saved(instance: Dataset, **_: Any) -> None:
    audience.refresh([instance])
    generation.bump_on_commit()


@receiver(post_delete, sender=Dataset)
def _dataset_deleted(**_: Any) -> None:
    generation.bump_on_commit()
