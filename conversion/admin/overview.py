"""What an operator asks first: how much there is, what is wrong, and whether the worker lives."""

import shutil
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Max, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from conversion.models import Job
from conversion.services import worker_signs
from datasets.models import Dataset, DiskScan
from sharing.admin.display import moment
from sharing.models import Organization, User

_FAILURES_SHOWN_FOR = timedelta(days=7)
_SILENT_AFTER = timedelta(minutes=2)
_FULL_BELOW = 0.1  # of the disk


@dataclass(frozen=True)
class Figure:
    """One number or moment of the panel; `trouble` asks for a look."""

    label: str
    value: str | int
    note: str = ""
    address: str = ""
    trouble: bool = False


def overview_for(user: User) -> list[Figure]:
    """The panel for a superuser (whole site) or staff (their own organization)."""
    whole_site = Q()
    own = Q(organization=user.organization_id)
    mine = whole_site if user.is_superuser else own
    datasets = Dataset.objects.filter(mine)
    jobs = Job.objects.filter(mine)
    people = User.objects.filter(mine, is_active=True)
    if not user.is_superuser:
        people = people.filter(is_superuser=False)
    figures = [
        Figure("Datasets", datasets.count(), address=_list("datasets_dataset")),
        Figure("Active people", people.count(), address=_list("sharing_user", is_active__exact=1)),
        _problems(datasets),
        _waiting_changes(datasets),
        _failed_jobs(jobs),
        _running_jobs(jobs),
        _last_scan(user),
        _worker(),
        _disk(),
    ]
    if user.is_superuser:
        organizations = Organization.objects.count()
        figures.insert(
            0, Figure("Organizations", organizations, address=_list("sharing_organization"))
        )
    return figures


def _problems(datasets: QuerySet[Dataset]) -> Figure:
    count = datasets.exclude(status="").count()
    return Figure(
        "Datasets with a problem",
        count,
        address=_list("datasets_dataset", condition="problem"),
        trouble=count > 0,
    )


def _waiting_changes(datasets: QuerySet[Dataset]) -> Figure:
    count = datasets.exclude(pending_hash="").count()
    return Figure(
        "Changes on disk that wait",
        count,
        address=_list("datasets_dataset", condition="pending"),
    )


def _failed_jobs(jobs: QuerySet[Job]) -> Figure:
    since = timezone.now() - _FAILURES_SHOWN_FOR
    count = jobs.filter(state=Job.State.FAILURE, created__gte=since).count()
    return Figure(
        "Failed jobs",
        count,
        note=f"in the last {_FAILURES_SHOWN_FOR.days} days",
        address=_list("conversion_job", state__exact=Job.State.FAILURE.value),
        trouble=count > 0,
    )


def _running_jobs(jobs: QuerySet[Job]) -> Figure:
    running = jobs.filter(state=Job.State.STARTED).count()
    waiting = jobs.filter(state=Job.State.PENDING).count()
    return Figure(
        "Jobs running", running, note=f"{waiting} waiting", address=_list("conversion_job")
    )


def _last_scan(user: User) -> Figure:
    scans = DiskScan.objects.all()
    if not user.is_superuser:
        scans = scans.filter(organization=user.organization_id)
    finished = scans.aggregate(last=Max("finished"))["last"]
    is_late = finished is None or finished < timezone.now() - 3 * settings.SCAN_INTERVAL
    return Figure(
        "Last scan of the disk",
        moment(finished, never="never"),
        note="" if finished else "is the worker running, and is there an organization?",
        address=_list("conversion_job", kind__exact=Job.Kind.SCAN.value),
        trouble=is_late,
    )


def _worker() -> Figure:
    """When a worker last gave a sign of life, which it does twice a minute."""
    last = worker_signs.last_heard_of()
    is_silent = last is None or last < timezone.now() - _SILENT_AFTER
    note = "no sign for too long: see that worker and beat run" if is_silent else "alive"
    return Figure("Worker last heard of", moment(last, never="never"), note=note, trouble=is_silent)


def _disk() -> Figure:
    usage = shutil.disk_usage(settings.BINARY_DATA_DIR)
    share = usage.free / usage.total
    return Figure(
        "Disk free",
        f"{usage.free / 1024**3:,.0f} GiB",
        note=f"{share:.0%} of the disk that holds binaryData",
        trouble=share < _FULL_BELOW,
    )


def _list(table: str, **filters: object) -> str:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return reverse(f"admin:{table}_changelist") + (f"?{query}" if query else "")
