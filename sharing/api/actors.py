"""Who asks: the actor behind a request, by session, header, query or path."""

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework.request import Request

from sharing.access import Actor, actor_for
from sharing.errors import NotSignedIn
from sharing.models import User
from sharing.services import tokens
from sharing.services.links import digests_of, opens_something

from .authentication import REFUSAL, header_token


def actor_from_request(request: HttpRequest | Request) -> Actor:
    """The person signed in by session or header, with the sharing links they hold.

    A sharing link's token comes as `?sharingToken=`, `?token=` or in a header. A wrong token in a
    header raises NotSignedIn: whoever sends one means to be somebody. A wrong one in the query only
    opens nothing.
    """
    return actor_for(_signed_in(request), link_digests=_links(request))


def actor_from_data_request(
    request: HttpRequest | Request, *, path_token: str | None = None
) -> Actor:
    """The same on routes that serve voxels, where programs know no header.

    There a token in the path or in `?token=` may be an API token, too, and then wins.
    """
    for secret in (path_token, request.GET.get("token")):
        token = tokens.authenticate(secret) if secret else None
        if token is not None:
            return actor_for(token.user, link_digests=_links(request, path_token))
    return actor_for(_signed_in(request), link_digests=_links(request, path_token))


def user_of(request: Request) -> User:
    """The person signed in; raises NotSignedIn for nobody."""
    if not isinstance(request.user, User):
        raise NotSignedIn("Only signed-in people can do this. Sign in, or send an API token.")
    return request.user


def _signed_in(request: HttpRequest | Request) -> User | AnonymousUser:
    if isinstance(request, Request):
        return request.user
    secret = header_token(request)
    if not secret:
        return request.user
    token = tokens.authenticate(secret)
    if token is not None:
        return token.user
    if opens_something(secret):
        return AnonymousUser()
    raise NotSignedIn(REFUSAL)


def _links(request: HttpRequest | Request, path_token: str | None = None) -> frozenset[str]:
    query = request.GET
    return digests_of(
        path_token, query.get("token"), query.get("sharingToken"), header_token(request)
    )
