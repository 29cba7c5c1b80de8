"""The Celery app: how work reaches the workers, and what recurs.

The broker only carries ids of rows; the Job row is the truth (conversion.models.job), so a lost
message costs a delay until the watchdog looks, never work.
"""

import os

from celery import Celery
from celery.signals import worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webknossos_site.settings")

from django.conf import settings


def _broker() -> dict[str, object]:
    if settings.ENVIRONMENT.redis_url:
        return {
            "broker_url": settings.ENVIRONMENT.redis_url,
            "broker_transport_options": {"visibility_timeout": 24 * 3600},
        }
    folder = settings.RUN_DIR / "broker"
    for name in ("messages", "control"):
        (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    return {
        "broker_url": "filesystem://",
        "broker_transport_options": {
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "control_folder": str(folder / "control"),
            "store_processed": False,
            "polling_interval": 0.2,
        },
    }


app = Celery("webknossos_site")
app.conf.update(
    **_broker(),
    task_ignore_result=True,
    task_acks_late=False,
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    timezone="UTC",
    beat_schedule_filename=str(settings.RUN_DIR / "beat-schedule"),
    beat_schedule={
        "scan the disk": {
            "task": "conversion.tasks.scan_periodically",
            "schedule": settings.SCAN_INTERVAL.total_seconds(),
        },
        "look after jobs": {"task": "conversion.tasks.look_after_jobs", "schedule": 30.0},
    },
)
app.autodiscover_tasks(["sharing", "datasets", "conversion"])


@worker_ready.connect
def _say_that_the_worker_is_ready(**_: object) -> None:
    """Leave a mark for `manage.py up`, which says "Ready" only when work can be done too."""
    (settings.RUN_DIR / "worker-is-ready").touch()
