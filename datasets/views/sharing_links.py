"""A dataset's sharing links: who was given one, a new one, an end to one.

The same parts make a page and, where the page's script asks for them, the inside of a dialog.
"""

from dataclasses import dataclass

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_POST

from datasets.access import Action, dataset_for, may
from datasets.models import Dataset
from datasets.services import links
from sharing.access import Actor
from sharing.errors import Invalid
from sharing.forms import TokenForm
from sharing.models import SharingLink
from sharing.secrets import UnreadableSecret
from sharing.services.links import reveal_token

from .actor import actor_of


class LinkForm(TokenForm):
    """A new link."""

    name = forms.CharField(
        max_length=128,
        help_text="Whom it is for, such as 'Reviewers'.",
        error_messages={"required": "Say whom the link is for."},
    )
    last_day = forms.DateField(
        required=False,
        label="Works until",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Optional: it opens nothing after this day (UTC).",
        error_messages={"invalid": "That is no day. Write it as 2026-12-31, or leave it empty."},
    )

    def clean_last_day(self) -> object:
        """A day that is not over."""
        day = self.cleaned_data["last_day"]
        if day is not None and day < timezone.now().date():
            raise forms.ValidationError(
                f"{day} is over: the link would open nothing. Choose a later day."
            )
        return day


@dataclass(frozen=True)
class LinkRow:
    """A link as the table shows it; `address` is empty where its key is gone."""

    link: SharingLink
    address: str
    may_revoke: bool


@require_http_methods(["GET", "HEAD", "POST"])
@ensure_csrf_cookie
def dataset_links(request: HttpRequest, dataset_id: str) -> HttpResponse:
    """The links; posting makes one."""
    actor = actor_of(request)
    dataset = dataset_for(actor, dataset_id, Action.GET_LINK)
    form = LinkForm(request.POST or None, auto_id="link-%s")
    if request.method != "POST":
        return _shown(request, actor, dataset, form)
    if not form.is_valid():
        return _shown(request, actor, dataset, form)
    try:
        link = links.create_link(
            actor=actor, dataset=dataset, name=form.cleaned_data["name"], expires=form.expires()
        )
    except Invalid as error:
        form.add_service_error(error)
        return _shown(request, actor, dataset, form)
    return _done(request, actor, dataset, f"The link '{link}' was made. Copy it to pass it on.")


@require_POST
def revoke(request: HttpRequest, dataset_id: str, link_id: str) -> HttpResponse:
    """End one link; whoever came by it is shut out at once."""
    actor = actor_of(request)
    dataset = dataset_for(actor, dataset_id, Action.GET_LINK)
    link = links.revoke_link(actor=actor, dataset=dataset, link_id=link_id)
    return _done(
        request, actor, dataset, f"The link '{link}' was revoked: it opens nothing any more."
    )


def _done(request: HttpRequest, actor: Actor, dataset: Dataset, said: str) -> HttpResponse:
    if _is_for_dialog(request):
        return _shown(request, actor, dataset, LinkForm(auto_id="link-%s"), said)
    messages.success(request, said)
    return redirect("datasets:links", dataset)


def _shown(
    request: HttpRequest, actor: Actor, dataset: Dataset, form: LinkForm, said: str = ""
) -> HttpResponse:
    is_editor = may(actor, Action.EDIT, dataset)
    context = {
        "dataset": dataset,
        "said": said,
        "form": form,
        "rows": [
            LinkRow(
                link,
                _address(dataset, link),
                links.may_revoke(actor=actor, link=link, is_editor=is_editor),
            )
            for link in links.links_of(actor=actor, dataset=dataset)
        ],
    }
    parts = "links_parts" if _is_for_dialog(request) else "links"
    return render(request, f"datasets/{parts}.html", context)


def _address(dataset: Dataset, link: SharingLink) -> str:
    try:
        token = reveal_token(link)
    except UnreadableSecret:
        return ""
    return f"{settings.PUBLIC_URL}{reverse('datasets:view', args=[dataset])}?token={token}"


def _is_for_dialog(request: HttpRequest) -> bool:
    return request.headers.get("X-Requested-With") == "fetch"
