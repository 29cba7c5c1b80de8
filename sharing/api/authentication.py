"""Signing in to the API with a token in a header."""

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from sharing.models import ApiToken, User
from sharing.services import tokens
from sharing.services.links import opens_something

CHALLENGE = "Token"
"""What `WWW-Authenticate` says with a 401."""
REFUSAL = (
    "This API token is unknown, revoked or expired, or its account is deactivated. "
    "Make a new one on the page /account/token."
)


def header_token(request: HttpRequest | Request) -> str:
    """The token in `X-Auth-Token: <token>` or `Authorization: Token <token>`, or nothing."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    given = credentials if scheme.lower() == "token" else ""
    return (request.headers.get("X-Auth-Token") or given).strip()


class ApiTokenAuthentication(BaseAuthentication):
    """Acts as the person whose token stands in a header; refuses a wrong one with 401.

    The public library sends a sharing link's token there, too: its holder is nobody in particular.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The token's user and the token; None where no header carries one."""
        secret = header_token(request)
        if not secret:
            return None
        token = tokens.authenticate(secret)
        if token is not None:
            return token.user, token
        if opens_something(secret):
            return None
        raise AuthenticationFailed(REFUSAL)

    def authenticate_header(self, request: Request) -> str:
        """Makes DRF answer 401, not 403, to those who are not signed in."""
        return CHALLENGE
