"""API tokens: made, shown once, looked up by digest, revoked."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from sharing.errors import Invalid, NotFound
from sharing.models import ApiToken, User
from sharing.secrets import digest, new_secret

from .people import note_activity

FOR_SESSION = "short-lived, made through /api/auth/token"
FOR_BROWSER = "short-lived, made through /api/userToken/generate"
USE_INTERVAL = timedelta(minutes=1)


def create_token(
    *, user: User, name: str, expires: datetime | None = None, made_with: ApiToken | None = None
) -> tuple[ApiToken, str]:
    """A new token and its secret, which can't be had again later."""
    name = name.strip()
    if not name:
        raise Invalid("A token needs a name that says what it is for.")
    if expires is not None and expires <= timezone.now():
        raise Invalid(f"The token '{name}' would have expired already. Choose a later day.")
    secret = new_secret()
    token = ApiToken.objects.create(
        user=user,
        name=name,
        prefix=secret[:8],
        digest=digest(secret),
        expires=expires,
        made_with=made_with,
    )
    return token, secret


def create_short_lived_token(*, user: User, name: str, made_with: ApiToken | None = None) -> str:
    """The secret of a token for a few hours, that lives no longer than the one that asked for it.

    Those of this name that ended are cleared away.
    """
    user.api_tokens.filter(name=name, expires__lte=timezone.now()).delete()
    expires = timezone.now() + settings.PAGE_TOKEN_LIFETIME
    if made_with is not None and made_with.expires is not None:
        expires = min(expires, made_with.expires)
    _, secret = create_token(user=user, name=name, expires=expires, made_with=made_with)
    return secret


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """The tokens with which somebody can act as the person now."""
    return ApiToken.objects.usable().filter(user=user)


def revoke_token(*, user: User, token_id: str) -> None:
    """Revoke one of the person's tokens; it and those made with it stop working at once."""
    token = tokens_of(user).filter(pk=token_id).first()
    if token is None:
        raise NotFound("You have no such token; it may have been revoked already.")
    with transaction.atomic():
        _revoke(token)


def _revoke(token: ApiToken) -> None:
    token.revoked = timezone.now()
    token.save(update_fields=["revoked"])
    for made in token.made.filter(revoked=None):
        _revoke(made)


def authenticate(secret: str) -> ApiToken | None:
    """The usable token with this secret, with its user; None where there is none.

    Notes the use, at most once a minute.
    """
    token = (
        ApiToken.objects.usable().filter(digest=digest(secret)).select_related("user").first()
        if secret
        else None
    )
    if token is not None:
        _note_use(token)
        note_activity(token.user)
    return token


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used is not None and token.last_used > now - USE_INTERVAL:
        return
    long_ago = Q(last_used__isnull=True) | Q(last_used__lte=now - USE_INTERVAL)
    ApiToken.objects.filter(long_ago, pk=token.pk).update(last_used=now)
