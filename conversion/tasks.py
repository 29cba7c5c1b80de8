"""The tasks that workers and beat run. They take ids and call one service each."""

from celery import shared_task

from . import runner
from .services import (
    converting,  # noqa: F401 (so that its kind of jobs can be done)
    converting_helping,
    converting_sweeping,
    exporting,
    job_mails,
    jobs_watching,
    largest_segment_id,  # noqa: F401 (likewise)
    measuring,  # noqa: F401 (likewise)
    missing_mags,  # noqa: F401 (likewise)
    rewriting,  # noqa: F401 (likewise)
    scans,
    uploads_sweeping,
    worker_signs,
)


@shared_task(name="conversion.tasks.run_job")
def run_job(job_id: str) -> None:
    """Run a job."""
    runner.run(job_id)


@shared_task(name="conversion.tasks.help_convert")
def help_convert(job_id: str) -> None:
    """Help the worker that converts a dataset."""
    converting_helping.help_convert(job_id)


@shared_task(name="conversion.tasks.scan_periodically")
def scan_periodically() -> None:
    """Have every organization's directory scanned."""
    scans.scan_all()


@shared_task(name="conversion.tasks.look_after_jobs")
def look_after_jobs() -> None:
    """Put back or end jobs whose worker is gone, and tell people what it could not."""
    for job in [*jobs_watching.look_after(runner.kinds()), *job_mails.untold()]:
        runner.notify(job)


@shared_task(name="conversion.tasks.show_that_worker_lives")
def show_that_worker_lives() -> None:
    """Leave a sign of life."""
    worker_signs.note()


@shared_task(name="conversion.tasks.sweep_uploads")
def sweep_uploads() -> None:
    """Remove what uploads and conversions left behind."""
    uploads_sweeping.sweep()
    converting_sweeping.sweep()


@shared_task(name="conversion.tasks.sweep_exports")
def sweep_exports() -> None:
    """Remove exports that are kept no longer."""
    exporting.sweep()
