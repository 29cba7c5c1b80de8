"""The pages of jobs: the list with its progress, one job with its log, cancel, retry and scan."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from conversion.access import job_for
from conversion.models import Job
from conversion.services import jobs, scans
from datasets.views.actor import actor_of
from datasets.views.addresses import came_from
from datasets.views.told import told
from sharing.errors import NotAllowed, ServiceError
from sharing.models import User

SHOWN = 100
LOG_LINES = 500


@login_required
@require_safe
@never_cache
def job_list(request: HttpRequest) -> HttpResponse:
    """A person's own jobs; for admins, all of their organization."""
    return render(request, "conversion/jobs.html", _listed(request))


@login_required
@require_safe
@never_cache
def job_table(request: HttpRequest) -> HttpResponse:
    """The table alone, for the page to refresh itself with."""
    return render(request, "conversion/jobs_table.html", _listed(request))


@login_required
@require_safe
@never_cache
def job_page(request: HttpRequest, job_id: str) -> HttpResponse:
    """One job: how far, how it ended, why, and what it had to say."""
    job = job_for(actor_of(request), job_id)
    newest = list(job.log_lines.order_by("-pk")[:LOG_LINES])
    context = {"job": job, "log": newest[::-1], "is_cut": len(newest) == LOG_LINES}
    return render(request, "conversion/job.html", context)


@login_required
@require_POST
def cancel(request: HttpRequest, job_id: str) -> HttpResponse:
    """Cancel a job that waits or runs."""
    with told(request, "The job was cancelled; what runs stops within seconds."):
        jobs.cancel(actor=actor_of(request), job_id=job_id)
    return redirect(came_from(request, otherwise=reverse("conversion:jobs")))


@login_required
@require_POST
def retry(request: HttpRequest, job_id: str) -> HttpResponse:
    """Try a job that failed or was cancelled again."""
    with told(request, "The job waits to be tried again."):
        jobs.retry(actor=actor_of(request), job_id=job_id)
    return redirect(came_from(request, otherwise=reverse("conversion:jobs")))


@login_required
@require_POST
def scan(request: HttpRequest) -> HttpResponse:
    """Have the directory of the person's organization scanned."""
    assert isinstance(request.user, User)  # noqa: S101 (login_required)
    try:
        if request.user.organization is None:
            raise NotAllowed("You belong to no organization whose directory could be scanned.")
        job = scans.request_scan(actor=actor_of(request), organization=request.user.organization)
    except ServiceError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            format_html(
                'The disk is being scanned. New datasets appear in the list. <a href="{}">See how '
                "far it is</a>.",
                reverse("conversion:job", args=[job.pk]),
            ),
        )
    return redirect(came_from(request, otherwise=reverse("datasets:list")))


def _listed(request: HttpRequest) -> dict[str, object]:
    actor = actor_of(request)
    shown = Job.objects.visible_to(actor).select_related("dataset", "owner", "organization")
    return {
        "jobs": shown.defer("arguments", "result")[:SHOWN],
        "shows_owner": actor.is_superuser or actor.is_admin,
        "most": SHOWN,
    }
