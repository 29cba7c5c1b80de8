"""What the buttons of the list and of a dataset's page do; each leads back to a page."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from datasets.access import dataset_for
from datasets.models import Dataset
from datasets.services import disk_changes, links
from datasets.services.listing import unreadable_mags

from .actor import actor_of
from .addresses import came_from
from .told import told


@require_POST
def reload(request: HttpRequest, dataset_id: str) -> HttpResponse:
    """Look at the dataset's directory now."""
    actor = actor_of(request)
    dataset = dataset_for(actor, dataset_id)
    with told(request):
        disk_changes.reload_dataset(actor=actor, dataset=dataset)
        _tell_what_was_found(request, dataset)
    return redirect(came_from(request, otherwise=reverse("datasets:status", args=[dataset])))


@require_POST
def apply_changes(request: HttpRequest, dataset_id: str) -> HttpResponse:
    """Take the settings that were found on disk."""
    actor = actor_of(request)
    dataset = dataset_for(actor, dataset_id)
    with told(request, f"The settings of '{dataset}' are now those found on disk."):
        disk_changes.apply_pending(
            actor=actor, dataset=dataset, pending_hash=request.POST.get("pending_hash", "")
        )
    return redirect("datasets:status", dataset)


@require_POST
def dismiss_changes(request: HttpRequest, dataset_id: str) -> HttpResponse:
    """Keep the settings as they are."""
    actor = actor_of(request)
    dataset = dataset_for(actor, dataset_id)
    with told(request, f"The settings of '{dataset}' stay as they are."):
        disk_changes.dismiss_pending(
            actor=actor, dataset=dataset, pending_hash=request.POST.get("pending_hash", "")
        )
    return redirect("datasets:status", dataset)


@require_POST
def reconsider_changes(request: HttpRequest, dataset_id: str) -> HttpResponse:
    """Show again a difference on disk that was dismissed."""
    actor = actor_of(request)
    dataset = dataset_for(actor, dataset_id)
    with told(request):
        disk_changes.reconsider_dismissed(actor=actor, dataset=dataset)
    return redirect("datasets:status", dataset)


@require_POST
def revoke_link(request: HttpRequest, dataset_id: str) -> HttpResponse:
    """Shut out everybody who came by the dataset's sharing link."""
    actor = actor_of(request)
    dataset = dataset_for(actor, dataset_id)
    with told(request, f"The sharing link of '{dataset}' was revoked: it opens nothing any more."):
        links.revoke_sharing_token(actor=actor, dataset=dataset)
    return redirect("datasets:view", dataset)


def _tell_what_was_found(request: HttpRequest, dataset: Dataset) -> None:
    found = []
    if dataset.status:
        found.append(f"It can't be used: {dataset.status}")
    elif lost := unreadable_mags([dataset.pk]).get(dataset.pk):
        found.append(f"{lost} mag{'' if lost == 1 else 's'} can't be read; its page says why.")
    if dataset.pending_hash:
        found.append("Its settings were changed on disk; its page shows the difference.")
    elif dataset.dismissed_hash:
        found.append("Its settings on disk are still not those in use, as was chosen.")
    tell = messages.warning if found else messages.success
    tell(request, " ".join([f"'{dataset}' was read anew from disk.", *found]))
