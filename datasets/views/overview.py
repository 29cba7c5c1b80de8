"""The datasets page: the list, and the fragment that keeps it fresh."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from datasets.services.listing import Cursor, Search, Show, list_datasets, tags_of

from .actor import actor_of

SHOWS = [
    (Show.REPORTED, "On disk"),
    (Show.ACTIVE, "Ready to view"),
    (Show.UNREPORTED, "Missing"),
    (Show.ALL, "All"),
]


@require_safe
@login_required
def dataset_list(request: HttpRequest) -> HttpResponse:
    """The page."""
    context = {**_context(request), "shows": SHOWS, "tags": tags_of(actor_of(request))}
    return render(request, "datasets/list.html", context)


@require_safe
@login_required
def dataset_table(request: HttpRequest) -> HttpResponse:
    """Only the table, for the page to replace its own."""
    response = render(request, "datasets/table.html", _context(request))
    response["Cache-Control"] = "no-store"
    return response


def _context(request: HttpRequest) -> dict[str, Any]:
    actor = actor_of(request)
    search = _search(request)
    cursor = Cursor.parse(request.GET.get("at", ""))
    return {
        "search": search,
        "shown_as": dict(SHOWS)[search.show],
        "is_editor": actor.manages_datasets_of(actor.organization_id) or actor.is_team_manager,
        "page": list_datasets(actor=actor, search=search, cursor=cursor),
        "list_address": f"{reverse('datasets:list')}?{request.GET.urlencode()}",
    }


def _search(request: HttpRequest) -> Search:
    show = request.GET.get("show", "")
    return Search(
        text=request.GET.get("q", "").strip(),
        show=Show(show) if show in set(Show) else Show.REPORTED,
        tags=tuple(tag for tag in request.GET.getlist("tag") if tag),
    )
