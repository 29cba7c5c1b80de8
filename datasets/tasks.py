"""What workers do for this app. They take ids and call one service each."""

from celery import shared_task

from .services import emptying, storage_accounting


@shared_task(name="datasets.tasks.empty_trash")
def empty_trash(organization_id: str) -> None:
    """Remove for good what was deleted in an organization."""
    emptying.empty(organization_id)


@shared_task(name="datasets.tasks.empty_all_trash")
def empty_all_trash() -> None:
    """The same everywhere: what a killed process or a missing worker left behind."""
    emptying.empty_all()


@shared_task(name="datasets.tasks.measure_storage")
def measure_storage() -> None:
    """Measure the storage of some datasets that are due."""
    storage_accounting.measure_due()
