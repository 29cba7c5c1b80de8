"""The folder tree of an organization."""

from django.db import transaction

from datasets.models import Folder
from sharing.models import Organization


def root_of(organization: Organization) -> Folder:
    """The organization's root folder; made on first use."""
    root = Folder.objects.filter(organization=organization, parent__isnull=True).first()
    if root is None:
        with transaction.atomic():
            root, _ = Folder.objects.get_or_create(
                organization=organization, parent=None, defaults={"name": Folder.ROOT_NAME}
            )
    return root
