"""What a request for data asks: where, with which credential, which part of the answer.

Made from a WSGI environment, which both front doors have: the fast path and Django's views. What
the credential is worth is decided in datasets.streaming.access.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from django.conf import settings
from django.http.cookie import parse_cookie

NEWEST_API_VERSION = 16

_ADDRESS = re.compile(
    r"/data(?:/v(?P<version>1[3-6]))?(?:/t/(?P<token>[^/]+))?/(?P<path>(?!t/).*)", re.DOTALL
)
_HEADER_TOKEN = re.compile(r"(?:Token|Bearer)\s+(\S+)\s*", re.IGNORECASE)


class CredentialKind(StrEnum):
    """By which way a credential came; the first that a request has is the only one that counts."""

    ADDRESS = "address"
    QUERY = "query"
    HEADER = "header"
    SESSION = "session"
    NONE = "none"


class Credential(NamedTuple):
    """A secret that came with a request, not yet judged: a token or a session's key."""

    kind: CredentialKind
    secret: str = ""

    def __repr__(self) -> str:
        return f"Credential({self.kind})"

    @property
    def is_token(self) -> bool:
        """Whether the client named it itself, which a foreign page can't make a browser do."""
        return self.kind not in {CredentialKind.SESSION, CredentialKind.NONE}


NO_CREDENTIAL = Credential(CredentialKind.NONE)


class DataRequest:
    """A request below /data/. `path` is what follows the version and the token in the address."""

    __slots__ = ("_environ", "api_version", "credential", "method", "path")

    def __init__(
        self,
        environ: Mapping[str, Any],
        *,
        path: str,
        token: str | None = None,
        api_version: int = NEWEST_API_VERSION,
    ) -> None:
        self._environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.path = path
        self.api_version = api_version
        self.credential = _credential(environ, token)

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> "DataRequest | None":
        """The request of a WSGI environment, None where its address is not below /data/ or holds a
        NUL (see sharing.middleware).
        """
        path: str = environ.get("PATH_INFO", "")
        if not path.startswith("/data/") or _holds_nul(path, environ.get("QUERY_STRING", "")):
            return None
        if not path.isascii():  # WSGI hands bytes over as Latin-1
            path = path.encode("latin-1", "replace").decode("utf-8", "replace")
        address = _ADDRESS.fullmatch(path)
        if address is None:
            return None
        version, token, rest = address.groups()
        api_version = int(version) if version else NEWEST_API_VERSION
        return cls(environ, path=rest, token=token, api_version=api_version)

    @property
    def address(self) -> str:
        """The whole path that was asked for, with version and token."""
        path: str = self._environ.get("PATH_INFO", "")
        return path

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; of one that is given twice, the last."""
        return dict(parse_qsl(self._environ.get("QUERY_STRING", ""), keep_blank_values=True))

    def header(self, name: str) -> str:
        """The value of a header, empty where there is none."""
        value: str = self._environ.get(f"HTTP_{name.upper().replace('-', '_')}", "")
        return value

    def body(self, max_bytes: int) -> bytes:
        """The request's body, or as much of it as shows that it is longer than `max_bytes`."""
        length = int(self._environ.get("CONTENT_LENGTH") or 0)
        data: bytes = self._environ["wsgi.input"].read(min(length, max_bytes + 1))
        return data


def _holds_nul(path: str, query: str) -> bool:
    return "\0" in path or "\0" in query or "%00" in query


def _credential(environ: Mapping[str, Any], path_token: str | None) -> Credential:
    if path_token:
        return Credential(CredentialKind.ADDRESS, path_token)
    query = environ.get("QUERY_STRING", "")
    if "token=" in query.lower():
        for name, value in parse_qsl(query):
            if name in {"token", "sharingToken"} and value:
                return Credential(CredentialKind.QUERY, value)
    if token := environ.get("HTTP_X_AUTH_TOKEN"):
        return Credential(CredentialKind.HEADER, token)
    if found := _HEADER_TOKEN.fullmatch(environ.get("HTTP_AUTHORIZATION", "")):
        return Credential(CredentialKind.HEADER, found[1])
    if cookies := environ.get("HTTP_COOKIE"):
        session_key = parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)
        if session_key:
            return Credential(CredentialKind.SESSION, session_key)
    return NO_CREDENTIAL
