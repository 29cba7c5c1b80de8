"""Sharing links of datasets: sharing.services.links behind the rules of datasets.access."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from datasets.access import Action, require
from datasets.models import Dataset
from sharing.access import Actor
from sharing.errors import NotFound
from sharing.models import SharingLink, User
from sharing.services import links

DEFAULT_NAME = "Sharing link"


def links_of(*, actor: Actor, dataset: Dataset) -> QuerySet[SharingLink]:
    """The usable links of the dataset, newest first."""
    require(actor, Action.GET_LINK, dataset)
    return SharingLink.objects.to(dataset).usable()


def create_link(
    *, actor: Actor, dataset: Dataset, name: str, expires: datetime | None = None
) -> SharingLink:
    """A new named link of the dataset."""
    require(actor, Action.GET_LINK, dataset)
    creator = User.objects.filter(pk=actor.user_id).first()
    return links.create_link(thing=dataset, name=name, created_by=creator, expires=expires)


def revoke_link(*, actor: Actor, dataset: Dataset, link_id: str) -> None:
    """Revoke one link of the dataset."""
    require(actor, Action.EDIT, dataset)
    link = SharingLink.objects.to(dataset).filter(pk=link_id).first()
    if link is None:
        raise NotFound(f"'{dataset}' has no such sharing link. Load the page again.")
    links.revoke_link(link=link)


def sharing_token(*, actor: Actor, dataset: Dataset) -> str:
    """The token of the dataset's one link without name and end; made when first asked for."""
    require(actor, Action.GET_LINK, dataset)
    with transaction.atomic():
        link = _default_links(dataset).last()
        if link is None:
            link = create_link(actor=actor, dataset=dataset, name=DEFAULT_NAME)
    return links.reveal_token(link)


def revoke_sharing_token(*, actor: Actor, dataset: Dataset) -> None:
    """Revoke that link: the next question for the token makes a new one."""
    require(actor, Action.EDIT, dataset)
    with transaction.atomic():
        for link in _default_links(dataset):
            links.revoke_link(link=link)


def _default_links(dataset: Dataset) -> QuerySet[SharingLink]:
    return SharingLink.objects.to(dataset).usable().filter(name=DEFAULT_NAME, expires__isnull=True)
