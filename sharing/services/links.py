"""Sharing links to anything: made, copied again, used, revoked.

This app knows no dataset: whoever calls has checked that the actor may do this to the thing.
"""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import DatabaseError, models
from django.db.models import Q
from django.utils import timezone

from sharing.errors import Invalid
from sharing.models import SharingLink, User
from sharing.secrets import decrypt, digest, encrypt, new_secret

# "Last used" is right to this; more would cost a write for every look.
USE_INTERVAL = timedelta(minutes=1)

logger = logging.getLogger(__name__)


def create_link(
    *, thing: models.Model, name: str, created_by: User | None, expires: datetime | None = None
) -> SharingLink:
    """A new link to the thing, which must have a key of 24 hexadecimal characters."""
    name = name.strip()
    if not name:
        raise Invalid("A sharing link needs a name that says whom it is for.")
    longest = SharingLink._meta.get_field("name").max_length
    if longest is not None and len(name) > longest:
        raise Invalid(f"The name of a sharing link has at most {longest} characters.")
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


def note_use(digests: Collection[str]) -> None:
    """Note that links of these digests opened something; failing to must not shut anybody out."""
    now = timezone.now()
    long_ago = Q(last_used__isnull=True) | Q(last_used__lte=now - USE_INTERVAL)
    try:
        SharingLink.objects.filter(long_ago, digest__in=digests).update(last_used=now)
    except DatabaseError:
        logger.warning("the use of a sharing link was not noted", exc_info=True)


def opens_something(token: str) -> bool:
    """Whether the token is that of a usable link."""
    return SharingLink.objects.usable().filter(digest=digest(token)).exists()


def digests_of(*tokens: str | None) -> frozenset[str]:
    """What `Actor.link_digests` holds of the tokens that came with a request."""
    return frozenset(digest(token) for token in tokens if token)
