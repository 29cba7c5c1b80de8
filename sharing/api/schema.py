"""How the API's own description tells of signing in by token, and of answers that are no data."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from .authentication import ApiTokenAuthentication


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A key in a header."""

    target_class = ApiTokenAuthentication
    name = "apiToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, Any]:
        """The header that the public library sends."""
        return {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}


class ProblemSerializer(serializers.Serializer[dict[str, str]]):
    """One problem, in a sentence."""

    error = serializers.CharField()


class ProblemsSerializer(serializers.Serializer[dict[str, Any]]):
    """What went wrong (sharing.api.errors)."""

    messages = ProblemSerializer(many=True)


class NoticeSerializer(serializers.Serializer[dict[str, str]]):
    """What was done, in a sentence."""

    success = serializers.CharField()


class NoticesSerializer(serializers.Serializer[dict[str, Any]]):
    """The answer to a change that has nothing else to tell."""

    messages = NoticeSerializer(many=True)


_PROBLEMS = {
    400: "The input can't be taken; the messages say why.",
    401: "Nobody is signed in, or the token is unknown, revoked or expired.",
    403: "You may see the thing, but not do this to it.",
    404: "There is no such thing, or you can't see it.",
    409: "The state of the thing rules this out; the messages say why.",
    410: "The data is gone.",
    413: "More was sent than is read at once.",
    415: "What was sent is of another type than it must be, which is JSON nearly everywhere.",
    501: "This version does not do that.",
    503: "Nothing is wrong with what was asked, but not now: ask again after Retry-After.",
}


_ANYWHERE = (400, 503)
_WITH_A_BODY = (413, 415)


def problems(*statuses: int) -> dict[int, OpenApiResponse]:
    """The description of answers with these statuses, for `extend_schema(responses=...)`."""
    return {
        status: OpenApiResponse(ProblemsSerializer, description=_PROBLEMS[status])
        for status in statuses
    }


def with_common_problems(
    result: dict[str, Any], generator: object, request: object, public: bool
) -> dict[str, Any]:
    """Add to each operation what may go wrong at every address: one that can't be read, a body of
    the wrong type, a database that is away. A hook of drf-spectacular.
    """
    for operations in result["paths"].values():
        for operation in operations.values():
            statuses = _ANYWHERE + (_WITH_A_BODY if "requestBody" in operation else ())
            for status in statuses:
                operation["responses"].setdefault(str(status), _described(status))
    return result


def _described(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problems"}
    return {"content": {"application/json": {"schema": schema}}, "description": _PROBLEMS[status]}
