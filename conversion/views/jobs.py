"""The pages of jobs: the list with its progress, one job with its log, cancel, retry and scan."""

from typing import Any

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
from conversion.services import converting_orders, jobs, scans
from datasets.views.actor import actor_of
from datasets.views.addresses import came_from
from datasets.views.told import told
from sharing.access import Actor
from sharing.errors import NotAllowed, NotFound, ServiceError
from sharing.models import User

from .answers import AnswersForm

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
    return render(request, "conversion/job.html", _described(request, job_id))


@login_required
@require_safe
@never_cache
def job_details(request: HttpRequest, job_id: str) -> HttpResponse:
    """The same without the page around it, for the page to refresh itself with."""
    return render(request, "conversion/job_details.html", _described(request, job_id))


@login_required
@require_safe
@never_cache
def job_of_dataset(request: HttpRequest, dataset_id: str) -> HttpResponse:
    """The page of the newest job about a dataset, for the dataset's own pages to lead to."""
    about = Job.objects.visible_to(actor_of(request)).filter(dataset=dataset_id)
    newest = about.values_list("pk", flat=True).first()
    if newest is None:
        raise NotFound("There is no job about this dataset, or you can't see it.")
    return redirect("conversion:job", newest)


@login_required
@require_safe
@never_cache
def job_outcome(request: HttpRequest, job_id: str) -> HttpResponse:
    """How far it is or how it ended, in a sentence, for the page on which it was asked for."""
    job, _ = _shown(request, job_id)
    return render(request, "conversion/job_outcome.html", {"job": job})


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
    with told(request, "The job was put in line for another try."):
        jobs.retry(actor=actor_of(request), job_id=job_id)
    return redirect(came_from(request, otherwise=reverse("conversion:jobs")))


@login_required
@require_POST
def answer(request: HttpRequest, job_id: str) -> HttpResponse:
    """Say what a conversion could not find out, and try it again."""
    actor = actor_of(request)
    form = AnswersForm(job_for(actor, job_id).result.get("asks", {}), request.POST)
    if not form.is_valid():
        context = {**_described(request, job_id), "answers": form}
        return render(request, "conversion/job.html", context, status=400)
    with told(request, "Your answer was taken: the conversion was put in line with it."):
        converting_orders.retry_with(actor=actor, job_id=job_id, **form.answers())
    return redirect("conversion:job", job_id)


@login_required
@require_POST
def scan(request: HttpRequest) -> HttpResponse:
    """Have the directory of the person's organization scanned."""
    assert isinstance(request.user, User)  # noqa: S101 (login_required)
    try:
        if request.user.organization is None:
            raise NotAllowed("You belong to no organization whose directory could be scanned.")
        before = scans.unfinished_scan(request.user.organization)
        job = scans.request_scan(actor=actor_of(request), organization=request.user.organization)
    except ServiceError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            format_html(
                '{}<div data-outcome="{}">The disk is being scanned. New datasets appear in the '
                'list. <a href="{}">See how far it is</a>.</div>',
                _what_was_under_way(before, job),
                reverse("conversion:job-outcome", args=[(before or job).pk]),
                reverse("conversion:job", args=[(before or job).pk]),
            ),
        )
    return redirect(came_from(request, otherwise=reverse("datasets:list")))


def _what_was_under_way(before: Job | None, job: Job) -> str:
    if before is None:
        return ""
    if before == job:
        return "A scan already waited for its turn, so no other one was started. "
    return (
        "The disk was already being scanned when you asked. Another scan follows, since this one "
        "may have passed what is new. "
    )


def _described(request: HttpRequest, job_id: str) -> dict[str, object]:
    job, actor = _shown(request, job_id)
    newest = list(job.log_lines.order_by("-pk")[:LOG_LINES])
    return {
        "job": job,
        "retries_always": actor.administers(job.organization_id),
        "answers": AnswersForm(job.asks) if _waits_for_answers(job) else None,
        "log": newest[::-1],
        "is_cut": len(newest) == LOG_LINES,
    }


def _waits_for_answers(job: Any) -> bool:
    return job.state == Job.State.FAILURE and bool(job.asks)


def _shown(request: HttpRequest, job_id: str) -> tuple[Any, Actor]:
    """The job, with its outcome, and who asks."""
    actor = actor_of(request)
    job = job_for(actor, job_id)
    shown = Job.objects.with_outcome(actor).select_related("dataset", "owner", "organization")
    return shown.get(pk=job.pk), actor


def _listed(request: HttpRequest) -> dict[str, object]:
    actor = actor_of(request)
    is_admin = actor.is_superuser or actor.is_admin
    shown = Job.objects.visible_to(actor).select_related("dataset", "owner", "organization")
    return {
        "jobs": shown.with_outcome(actor)[:SHOWN],
        "shows_owner": is_admin,
        "retries_always": is_admin,
        "most": SHOWN,
    }
