"""Sharing links of datasets: sharing.services.links behind the rules of datasets.access."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from datasets.access import Action, may, require
from datasets.models import Dataset
from sharing.access import Actor
from sharing.errors import NotAllowed, NotFound
from sharing.models import SharingLink, User
from sharing.services import links

DEFAULT_NAME = "Sharing link"


def links_of(*, actor: Actor, dataset: Dataset) -> QuerySet[SharingLink]:
    """The usable links of the dataset, newest first, with who made them."""
    require(actor, Action.GET_LINK, dataset)
    return SharingLink.objects.to(dataset).usable().select_related("created_by")


def create_link(
    *, actor: Actor, dataset: Dataset, name: str, expires: datetime | None = None
) -> SharingLink:
    """A new named link of the dataset."""
    require(actor, Action.GET_LINK, dataset)
    creator = User.objects.filter(pk=actor.user_id).first()
    return links.create_link(thing=dataset, name=name, created_by=creator, expires=expires)


def may_revoke(*, actor: Actor, link: SharingLink, is_editor: bool) -> bool:
    """Whoever made a link by name may end it, and who edits the dataset may end any.

    The one link without a name is everybody's: who happened to ask first has no say over it.
    """
    is_own = actor.user_id is not None and link.created_by_id == actor.user_id
    return is_editor or (is_own and link.name != DEFAULT_NAME)


def revoke_link(*, actor: Actor, dataset: Dataset, link_id: str) -> SharingLink:
    """Revoke one link of the dataset, and give it back."""
    require(actor, Action.GET_LINK, dataset)
    link = SharingLink.objects.to(dataset).filter(pk=link_id).first()
    if link is None:
        raise NotFound(f"'{dataset}' has no such sharing link. Load the page again.")
    is_editor = may(actor, Action.EDIT, dataset)
    if not may_revoke(actor=actor, link=link, is_editor=is_editor):
        raise NotAllowed(
            f"Only who made the link '{link}' and who may edit '{dataset}' can revoke it."
        )
    links.revoke_link(link=link)
    return link


def sharing_token(*, actor: Actor, dataset: Dataset) -> str:
    """The token of the dataset's one link without name and end; made when first asked for."""
    require(actor, Action.GET_LINK, dataset)
    with transaction.atomic():
        link = _default_links(dataset).last()
        if link is None:
            link = create_link(actor=actor, dataset=dataset, name=DEFAULT_NAME)
    return links.reveal_token(link)


def has_sharing_token(dataset: Dataset) -> bool:
    """Whether that link exists."""
    return _default_links(dataset).exists()


def revoke_sharing_token(*, actor: Actor, dataset: Dataset) -> None:
    """Revoke that link: the next question for the token makes a new one."""
    require(actor, Action.EDIT, dataset)
    with transaction.atomic():
        for link in _default_links(dataset):
            links.revoke_link(link=link)


def _default_links(dataset: Dataset) -> QuerySet[SharingLink]:
    return SharingLink.objects.to(dataset).usable().filter(name=DEFAULT_NAME, expires__isnull=True)
