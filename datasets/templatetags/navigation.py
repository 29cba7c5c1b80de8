"""The bar at the top of every page."""

from typing import Any

from django import template

from datasets.views.actor import actor_of
from sharing.access import PeopleAction, PeopleSubject, may

register = template.Library()


@register.inclusion_tag("partials/navigation.html", takes_context=True)
def navigation(context: dict[str, Any]) -> dict[str, Any]:
    """What the person who looks may open; nothing but sign-in for a visitor."""
    request = context.get("request")
    # A request that is refused early (for its host, say) has no user yet.
    user = getattr(request, "user", None)
    if request is None or user is None or not user.is_authenticated:
        return {"person": None, "request": request}
    actor = actor_of(request)
    return {
        "request": request,
        "person": user,
        "administers": may(actor, PeopleAction.ADMINISTER, PeopleSubject(actor.organization_id)),
        "section": request.resolver_match.app_name if request.resolver_match else "",
        "csrf_token": context.get("csrf_token"),
    }
