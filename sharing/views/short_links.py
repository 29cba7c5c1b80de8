"""The page behind a short link."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from sharing.services import short_links


@require_safe
def follow(request: HttpRequest, key: str) -> HttpResponse:
    """Lead to the long address; who may see what is there is decided there."""
    return HttpResponseRedirect(short_links.long_link_of(key))
