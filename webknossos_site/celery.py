"""The Celery app: how work reaches the workers, and what recurs.

The broker only carries ids of rows; the Job row is the truth (conversion.models.job), so a lost
message costs a delay until the watchdog looks, never work.
"""

import os
import warnings

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import worker_ready
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webknossos_site.settings")

from django.conf import settings

# Messages are JSON and carry ids: whoever writes to the broker can run no code by it.
warnings.filterwarnings("ignore", category=SecurityWarning)


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
        "broker_transport": "webknossos_site.broker:Transport",
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
    # A worker that is told of no queue takes from both (conversion.services.jobs.LONG_KINDS).
    task_queues=[Queue("celery"), Queue("long")],
    task_default_queue="celery",
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    timezone="UTC",
    beat_schedule_filename=str(settings.RUN_DIR / "beat-schedule"),
    beat_schedule={
        "scan the disk": {
            "task": "conversion.tasks.scan_periodically",
            "schedule": settings.SCAN_INTERVAL.total_seconds(),
        },
        # For seconds at a stretch: jobs run in the same worker, and what it missed is asked again.
        "measure storage": {
            "task": "datasets.tasks.measure_storage",
            "schedule": 300.0,
            "options": {"expires": 300.0},
        },
        "send waiting mails": {
            "task": "sharing.tasks.send_waiting_mails",
            "schedule": 60.0,
            "options": {"expires": 60.0},
        },
        "sweep uploads": {"task": "conversion.tasks.sweep_uploads", "schedule": 3600.0},
        "sweep exports": {"task": "conversion.tasks.sweep_exports", "schedule": 3600.0},
        "show that the worker lives": {
            "task": "conversion.tasks.show_that_worker_lives",
            "schedule": 30.0,
            "options": {"expires": 30.0},
        },
        "look after jobs": {"task": "conversion.tasks.look_after_jobs", "schedule": 30.0},
        "empty the trash": {"task": "datasets.tasks.empty_all_trash", "schedule": 3600.0},
    },
)
app.autodiscover_tasks(["sharing", "datasets", "conversion"])


@worker_ready.connect
def _say_that_the_worker_is_ready(**_: object) -> None:
    """Leave a mark for `manage.py up`, which says "Ready" only when work can be done too."""
    (settings.RUN_DIR / "worker-is-ready").touch()
