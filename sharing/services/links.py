"""Sharing links to anything: made, copied again, revoked.

This app knows no dataset: whoever calls has checked that the actor may do this to the thing.
"""

from datetime import datetime

from django.db import models
from django.utils import timezone

from sharing.errors import Invalid
from sharing.models import SharingLink, User
from sharing.secrets import decrypt, digest, encrypt, new_secret


def create_link(
    *, thing: models.Model, name: str, created_by: User | None, expires: datetime | None = None
) -> SharingLink:
    """A new link to the thing, which must have a key of 24 hexadecimal characters."""
    name = name.strip()
    if not name:
        raise Invalid("A sharing link needs a name that says whom it is for.")
    if expires is not None and expires <= timezone.now():
        raise Invalid(f"The link '{name}' would have expired already. Choose a later day.")
    token = new_secret()
    return SharingLink.objects.create(
        thing=thing,
        name=name,
        digest=digest(token),
        encrypted_token=encrypt(token),
        created_by=created_by,
        expires=expires,
    )


def reveal_token(link: SharingLink) -> str:
    """The link's token, for copying; raises UnreadableSecret where its key is gone."""
    return decrypt(link.encrypted_token)


def revoke_link(*, link: SharingLink) -> None:
    """Revoke the link; it opens nothing from now on. Revoking twice changes nothing."""
    if link.revoked is None:
        link.revoked = timezone.now()
        link.save(update_fields=["revoked"])


def opens_something(token: str) -> bool:
    """Whether the token is that of a usable link."""
    return SharingLink.objects.usable().filter(digest=digest(token)).exists()


def digests_of(*tokens: str | None) -> frozenset[str]:
    """What `Actor.link_digests` holds of the tokens that came with a request."""
    return frozenset(digest(token) for token in tokens if token)
