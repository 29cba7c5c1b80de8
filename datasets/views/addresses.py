"""How datasets stand in addresses: `<slug>-<id>`, of which only the id counts."""

from urllib.parse import urlencode

from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

from datasets.models import Dataset


class DatasetAddress:
    """The path converter `dataset`: gives views the id, and addresses the readable form."""

    regex = r"(?:[^/]*-)?[0-9a-f]{24}"

    def to_python(self, value: str) -> str:
        """The id at the end."""
        return value[-24:]

    def to_url(self, value: Dataset | str) -> str:
        """The dataset's slug, or an id as it is."""
        return value.slug if isinstance(value, Dataset) else value


def came_from(request: HttpRequest, *, otherwise: str) -> str:
    """Where a form says that the person was, if that is on this site."""
    address = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if is_ours else resolve_url(otherwise)


def with_token(address: str, request: HttpRequest) -> str:
    """`address` with the sharing link's token that the request carries, if any."""
    token = request.GET.get("token", "")
    return f"{address}?{urlencode({'token': token})}" if token else address
