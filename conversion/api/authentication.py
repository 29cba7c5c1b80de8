"""Signing in to the data routes, where programs also put their token into the address."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from sharing.api.authentication import REFUSAL, ApiTokenAuthentication
from sharing.models import ApiToken, User
from sharing.services import tokens


class DataTokenAuthentication(ApiTokenAuthentication):
    """Acts as the person whose token stands in `?token=` or a header; refuses a wrong one."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The token's user and the token; None where there is none."""
        secret = request.query_params.get("token")
        if not secret:
            return super().authenticate(request)
        token = tokens.authenticate(secret)
        if token is None:
            raise AuthenticationFailed(REFUSAL)
        return token.user, token


class SessionWithHeader(SessionAuthentication):
    """A session whose protection from foreign pages comes in the header X-CSRFToken.

    It may come in a form as well, but looking there would read the whole body into a file.
    """

    def enforce_csrf(self, request: Request) -> None:
        """Refuse what a foreign page made a browser send."""
        request._request.read(0)  # a form whose body is being read is not parsed
        super().enforce_csrf(request._request)  # type: ignore[arg-type]  # it asks no more


class DataTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A key in the address; the header of the other routes does as well."""

    target_class = DataTokenAuthentication
    name = "dataToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, Any]:
        """The parameter."""
        return {"type": "apiKey", "in": "query", "name": "token"}


class SessionWithHeaderScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A session's cookie."""

    target_class = SessionWithHeader
    name = "sessionWithHeader"

    def get_security_definition(self, auto_schema: object) -> dict[str, Any]:
        """The cookie."""
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
