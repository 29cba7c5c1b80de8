"""How the API's own description tells of signing in by token."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from .authentication import ApiTokenAuthentication


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A key in a header."""

    target_class = ApiTokenAuthentication
    name = "apiToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, Any]:
        """The header that the public library sends."""
        return {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}
