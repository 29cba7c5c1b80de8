"""Short links: a random key for a long address of this site.

Only what follows the site's own address is kept, so that no short link can ever lead elsewhere, and
all of them go along when the site moves.
"""

import secrets

from django.conf import settings

from sharing.errors import Invalid, NotFound
from sharing.models import ShortLink, User
from sharing.secrets import decrypt, digest, encrypt

MAX_LENGTH = 8_000
"""In characters: what a proxy's buffer holds of an answer's headers."""
_KEY_BYTES = 16


def shorten(*, user: User, long_link: str) -> str:
    """The key of a new short link to this address of the site."""
    place = _place(long_link)
    key = secrets.token_urlsafe(_KEY_BYTES)
    ShortLink.objects.create(digest=digest(key), encrypted_place=encrypt(place), created_by=user)
    return key


def long_link_of(key: str) -> str:
    """The address that the key stands for; NotFound for keys that stand for none."""
    link = ShortLink.objects.filter(digest=digest(key)).first()
    if link is None:
        raise NotFound("There is no such short link. Ask whoever gave it to you for a new one.")
    return settings.PUBLIC_URL + decrypt(link.encrypted_place)


def _place(long_link: str) -> str:
    """What follows the site's own address: nothing, or a path, query or fragment.

    Anything else could lead to another site: `http://our.site@evil.example`, `http://our.site.eu`.
    """
    place = long_link.removeprefix(settings.PUBLIC_URL)
    if place == long_link or (place and place[0] not in "/?#"):
        raise Invalid(
            f"Only addresses of this site can be shortened: those that begin with "
            f"{settings.PUBLIC_URL}/"
        )
    if len(long_link) > MAX_LENGTH:
        raise Invalid(f"This address is too long to be kept: {MAX_LENGTH} characters are the most.")
    if not place.isprintable() or " " in place or "\\" in place:
        raise Invalid("An address holds no blanks, backslashes or line breaks. Copy it again.")
    return place
