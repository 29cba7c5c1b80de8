"""The tasks that workers and beat run. They take ids and call one service each."""

from celery import shared_task

from . import runner
from .services import jobs, scans


@shared_task(name="conversion.tasks.run_job")
def run_job(job_id: str) -> None:
    """Run a job."""
    runner.run(job_id)


@shared_task(name="conversion.tasks.scan_periodically")
def scan_periodically() -> None:
    """Have every organization's directory scanned."""
    scans.scan_all()


@shared_task(name="conversion.tasks.look_after_jobs")
def look_after_jobs() -> None:
    """Put back or end jobs whose worker is gone."""
    for job in jobs.look_after():
        runner.notify(job)
