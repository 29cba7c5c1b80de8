"""The page that shows a dataset: everything around the viewer."""

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from datasets.access import Action, audience_of, dataset_for, dataset_named, may
from datasets.models import Dataset
from datasets.services import links, view_configurations
from datasets.services.uses import note_use
from datasets.streaming.tokens import page_token
from datasets.views.actor import actor_of
from datasets.views.addresses import with_token
from datasets.views.markdown import rendered
from sharing.access import Actor

from .manifest import manifest_of
from .snippets import TOKEN_PLACEHOLDER, snippets_of


@require_safe
@ensure_csrf_cookie
def view_dataset(request: HttpRequest, dataset_id: str) -> HttpResponse:
    """View mode; a dataset that can't be used is explained on its own page instead."""
    actor = actor_of(request)
    dataset = dataset_for(actor, dataset_id)
    if not dataset.is_active:
        return redirect(with_token(reverse("datasets:status", args=[dataset]), request))
    token = page_token(
        dataset.pk,
        session_key=request.session.session_key,
        link_digest=_link_needed(actor, dataset),
    )
    note_use(actor=actor, dataset=dataset)
    shown = view_configurations.shown(actor=actor, dataset=dataset)
    manifest = manifest_of(dataset, token=token, colors=shown.channel_colors) | {
        "view": shown.own,
        "defaultView": shown.default,
        "keepsOwnView": not actor.is_anonymous,
        "addresses": {
            name: reverse(f"datasets:{name}", args=[dataset.pk])
            for name in ("view-configuration", "default-view-configuration", "share")
        },
    }
    may_edit = may(actor, Action.EDIT, dataset)
    context = {
        "dataset": dataset,
        "description": rendered(dataset.description),
        "manifest": manifest,
        "may_edit": may_edit,
        "has_link": may_edit and links.has_sharing_token(dataset),
        "may_share": may(actor, Action.GET_LINK, dataset),
        "is_insider": actor.belongs_to(dataset.organization_id),
        "token_placeholder": TOKEN_PLACEHOLDER,
        "snippets": snippets_of(dataset, [layer["name"] for layer in manifest["layers"]]),
    }
    response = render(request, "datasets/view.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def view_legacy(request: HttpRequest, organization_id: str, name: str) -> HttpResponse:
    """The older address by organization and name; browsers keep the fragment of a redirect."""
    dataset = dataset_named(actor_of(request), organization_id, name)
    return redirect(with_token(reverse("datasets:view", args=[dataset]), request))


def _link_needed(actor: Actor, dataset: Dataset) -> str:
    """The digest of the sharing link, where nothing else lets the actor in."""
    without_links = replace(actor, link_digests=frozenset())
    if may(without_links, Action.VIEW, dataset):
        return ""
    return next(iter(actor.link_digests & audience_of(dataset).link_digests))
