"""Scans of the data directory as jobs: asking for one, running it, telling people how it went."""

import logging
from collections import Counter
from typing import Any

from django.db import IntegrityError, transaction

from conversion.access import require_scan
from conversion.mail import send
from conversion.models import Job
from conversion.runner import JobFailed, Run, register
from datasets.disk.outcome import Finding, Outcome
from datasets.disk.scan import scan_organization, unknown_organizations
from sharing.access import Actor
from sharing.models import Organization, User

from . import jobs
from .job_mails import took_long, wants_mails

logger = logging.getLogger(__name__)

LOGGED = 100  # lines of each kind; the result holds all
_LABELS = {
    "added": "New",
    "changed": "Changed",
    "recovered": "Usable again",
    "pending": "A difference waits",
    "not_imported": "To be imported",
    "broken": "Broken",
    "missing": "Missing",
    "notes": "Note",
}
_TROUBLE = ("broken", "missing", "notes")
_COUNTED = {
    "added": "new",
    "changed": "changed",
    "recovered": "usable again",
    "pending": "changed on disk, waiting to be applied",
    "not_imported": "to be imported",
    "broken": "broken",
    "missing": "missing",
    "notes": "with parts that can't be used",
}
# A dataset that a scan says several things of is counted under the first of these.
_MOST_TELLING = (
    "missing",
    "broken",
    "not_imported",
    "pending",
    "notes",
    "recovered",
    "changed",
    "added",
)


def request_scan(*, actor: Actor, organization: Organization) -> Job:
    """A scan of the organization's directory, for those who may bring data in.

    A scan that already waits is joined. One that runs is not: it may have passed what is new.
    """
    require_scan(actor, organization.pk)
    owner = User.objects.filter(pk=actor.user_id).first()
    return _waiting_scan(organization, owner)


def unfinished_scan(organization: Organization) -> Job | None:
    """The scan of the organization's directory that runs, else the one that waits, if any."""
    scans = Job.objects.filter(kind=Job.Kind.SCAN, organization=organization).unfinished()
    return scans.order_by("created", "pk").first()


def scan_all() -> list[Job]:
    """A scan of every organization, as recurs by itself; those that found nothing are removed."""
    for name in unknown_organizations():
        logger.warning("The directory '%s' belongs to no organization and is not scanned.", name)
    recurring = Job.objects.filter(kind=Job.Kind.SCAN, owner=None)
    recurring.filter(state=Job.State.SUCCESS, result__is_eventful=False).delete()
    busy = set(recurring.unfinished().values_list("organization", flat=True))
    return [
        _waiting_scan(organization, None)
        for organization in Organization.objects.exclude(pk__in=busy)
    ]


def run_scan(run: Run) -> dict[str, Any]:
    """Scan, and log what was found."""
    organization = run.job.organization
    if organization is None:
        raise JobFailed("The scan names no organization.", "Start it from the list of datasets.")

    def progress(done: int, total: int) -> None:
        run.progress("scanning", 100 * done / total, f"{done} of {total} datasets")

    outcome = scan_organization(organization, progress)
    for name, label in _LABELS.items():
        findings: list[Finding] = getattr(outcome, name)
        for finding in findings[:LOGGED]:
            text = f"{label}: {finding.name}" + (f". {finding.text}" if finding.text else "")
            run.log(text, is_problem=name in _TROUBLE)
        if len(findings) > LOGGED:
            run.log(f"{label}: and {len(findings) - LOGGED} more", is_problem=name in _TROUBLE)
    for problem in outcome.problems:
        run.log(problem, is_problem=True)
    return {
        **outcome.as_json(),
        "is_eventful": outcome.is_eventful,
        "has_trouble": bool(outcome.has_trouble or outcome.notes),
        "summary": summary_of(outcome),
    }


def summary_of(outcome: Outcome) -> str:
    """What a scan found, in one sentence of counts; each dataset is counted once."""
    kinds = {
        finding.dataset_id: name
        for name in reversed(_MOST_TELLING)
        for finding in getattr(outcome, name)
    }
    found = Counter(kinds.values())
    counts = [f"{found[name]} {words}" for name, words in _COUNTED.items() if found[name]]
    if outcome.problems:
        counts.append(f"{len(outcome.problems)} not taken in")
    looked_at = f"Looked at {outcome.seen} dataset{'' if outcome.seen == 1 else 's'}"
    return f"{looked_at}: {', '.join(counts) or 'nothing new'}."


def subject_of(outcome: Outcome) -> str:
    """How many datasets a scan found that can't be used, for people who had them in use and for
    those who brought them in; empty where it found none.
    """
    new = sum(finding.is_new for finding in outcome.broken)
    lost = len(outcome.broken) - new + len(outcome.missing)
    parts = []
    if lost:
        parts.append(f"{lost} dataset{'' if lost == 1 else 's'} can't be used any more")
    if new:
        parts.append(f"{new} new dataset{'' if new == 1 else 's'} can't be used")
    return ", ".join(parts)


@transaction.atomic
def notify_of_scan(job: Job) -> None:
    """Mail the outcome to whoever asked, where it took long or found trouble, and one digest of
    what newly broke to the organization's admins.
    """
    if not jobs.mark_told(job):
        return
    outcome = Outcome.from_json(job.result) if job.state == Job.State.SUCCESS else None
    unusable = subject_of(outcome) if outcome else ""
    context: dict[str, Any] = {"job": job, "outcome": outcome, "unusable": unusable}
    owner = job.owner
    told = set()
    if wants_mails(owner) and _matters_to_owner(job, outcome):
        send(owner, "scan_outcome", **context)
        told.add(owner.pk)
    if not unusable:
        return
    admins = User.objects.filter(organization=job.organization, is_admin=True, is_active=True)
    for admin in admins.exclude(pk__in=told):
        send(admin, "scan_digest", **context)


def _matters_to_owner(job: Job, outcome: Outcome | None) -> bool:
    if job.state == Job.State.CANCELLED:
        return False
    if outcome is None or outcome.has_trouble:
        return True
    return took_long(job)


def _waiting_scan(organization: Organization, owner: User | None) -> Job:
    waiting = Job.objects.filter(
        kind=Job.Kind.SCAN, state=Job.State.PENDING, organization=organization
    )
    job = waiting.first()
    if job is None:
        try:
            with transaction.atomic():
                return jobs.create(kind=Job.Kind.SCAN, organization=organization, owner=owner)
        except IntegrityError:  # somebody asked at the same moment
            job = waiting.get()
    if owner is not None and job.owner is None:
        Job.objects.filter(pk=job.pk, owner=None).update(owner=owner)
        job.owner = owner
    return job


register(Job.Kind.SCAN, work=run_scan, notify=notify_of_scan)
