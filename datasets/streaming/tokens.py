"""Page tokens: what a page of this site puts into data addresses in place of the reader's cookie.

A page token opens one dataset for some hours, as the reader who was served the page: it names
their session or sharing link, and ends with it. It is sealed (AES-SIV), not only signed, since a
session's key must not be readable in an address. Sealing is deterministic, so that the same reader
gets the same addresses for hours and the browser's cache works. Tokens of copied links are rows
(sharing.models.SharingLink), not these.
"""

import base64
import binascii
import json
import time
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings
from django.utils.crypto import salted_hmac

_SALT = "datasets.streaming.tokens"
# Tells page tokens from links' tokens, which are plain base64 without a dot.
_PREFIX = "p."


class ReaderKind(StrEnum):
    """As whom a page token reads."""

    SESSION = "s"
    LINK = "l"
    ANYONE = "a"


@dataclass(frozen=True, slots=True)
class PageToken:
    """What a page token says: which dataset, until when (Unix time), as whom.

    `reader` is a session's key, the digest of a sharing link's token, or empty for anyone.
    """

    dataset_id: str
    expires: int
    kind: ReaderKind
    reader: str


def page_token(dataset_id: str, *, session_key: str | None = None, link_digest: str = "") -> str:
    """A token for a page that shows this dataset to the holder of a session, a link, or neither.

    A link's digest wins: it may be all that lets the reader in. The token is the same for half of
    settings.PAGE_TOKEN_LIFETIME and holds between a half and the whole of it.
    """
    window = max(int(settings.PAGE_TOKEN_LIFETIME.total_seconds() / 2), 1)
    expires = (int(time.time()) // window + 2) * window
    if link_digest:
        kind, reader = ReaderKind.LINK, link_digest
    elif session_key:
        kind, reader = ReaderKind.SESSION, session_key
    else:
        kind, reader = ReaderKind.ANYONE, ""
    content = json.dumps([dataset_id, expires, kind, reader], separators=(",", ":"))
    sealed = _cipher().encrypt(content.encode(), None)
    return _PREFIX + base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def opened_page_token(token: str) -> PageToken | None:
    """What a page token says, None for anything that is not one of ours, and past its time."""
    if not token.startswith(_PREFIX):
        return None
    text = token.removeprefix(_PREFIX)
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        content = _cipher().decrypt(sealed, None)
    except (InvalidTag, ValueError, binascii.Error):
        return None
    dataset_id, expires, kind, reader = json.loads(content)
    if expires <= time.time():
        return None
    return PageToken(dataset_id, expires, ReaderKind(kind), reader)


def streaming_url(dataset_id: str, layer_name: str, token: str) -> str:
    """The address to paste into napari, Neuroglancer or Python: one layer as OME-Zarr.

    `token` is a sharing link's; empty for a public dataset.
    """
    door = f"/data/t/{token}" if token else "/data"
    return f"{settings.PUBLIC_URL}{door}/ome-zarr/{dataset_id}.zarr/{quote(layer_name, safe='')}/"


@cache
def _cipher() -> AESSIV:
    key = salted_hmac(_SALT, "page tokens", algorithm="sha512").digest()
    return AESSIV(key)
