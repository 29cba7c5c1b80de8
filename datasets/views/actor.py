"""Who asks for a page."""

from django.http import HttpRequest

from sharing.access import Actor
from sharing.api.actors import actor_from_request


def actor_of(request: HttpRequest) -> Actor:
    """The actor behind `request`, decided once per request; the page and its bar both ask."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        actor = actor_from_request(request)
        request.actor = actor  # type: ignore[attr-defined]
    return actor
