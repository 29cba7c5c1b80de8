"""Random secrets: how they are made, looked up by digest, and encrypted at rest."""

import base64
import hashlib
import secrets

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class UnreadableSecret(Exception):
    """A stored secret was encrypted with a key that ENCRYPTION_KEYS no longer holds."""


def new_secret() -> str:
    """A random secret that may stand in a URL: 43 characters, 256 bits."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is stored of a secret. Plain SHA-256 suffices: the secrets are 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def encrypt(text: str) -> str:
    """`text` encrypted with the first of ENCRYPTION_KEYS."""
    return _fernet().encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str:
    """The text behind `encrypted`; raises UnreadableSecret where no key fits."""
    try:
        return _fernet().decrypt(encrypted.encode()).decode()
    except InvalidToken as error:
        raise UnreadableSecret(
            "A stored secret can't be decrypted: ENCRYPTION_KEYS lacks the key it was made with."
        ) from error


def _fernet() -> MultiFernet:
    return MultiFernet(
        Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
        for key in settings.ENCRYPTION_KEYS
    )
