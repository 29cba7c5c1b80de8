"""`manage.py up`: the web server, workers and the beat in one foreground process tree."""

import sys
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from conversion.services import waiting
from webknossos_site.supervisor import Supervisor

_BIN = Path(sys.executable).parent


class Command(BaseCommand):
    """Runs the whole site on this machine until Ctrl-C or SIGTERM."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, start everything, and say when it is ready."""
        call_command("migrate", verbosity=0)
        run_site(sign_in_hint="")


def run_site(*, sign_in_hint: str) -> None:
    """Start web, workers and beat; print `Ready: <address>` and the hint once all of them serve."""
    environment = settings.ENVIRONMENT
    worker_is_ready = settings.RUN_DIR / "worker-is-ready"
    worker_is_ready.unlink(missing_ok=True)
    # What takes seconds does not wait behind conversions, which take hours.
    first, *others = _workers("worker", "celery", environment.worker_processes)
    others += _workers("converter", "long", environment.converter_processes)
    supervisor = Supervisor(
        dict([("web", _web()), first]),
        later=dict([*others, ("beat", _celery("beat", "--pidfile="))]),
    )

    def say_ready() -> None:
        print(f"Ready: {settings.PUBLIC_URL}", flush=True)
        if sign_in_hint:
            print(sign_in_hint, flush=True)

    health = f"http://{environment.bind}:{environment.port}/healthz"
    code = supervisor.run(
        is_ready=lambda: worker_is_ready.exists() and _answers(health), on_ready=say_ready
    )
    sys.exit(code)


def _web() -> list[str]:
    environment = settings.ENVIRONMENT
    return [
        str(_BIN / "granian"),
        "--interface=wsgi",
        f"--host={environment.bind}",
        f"--port={environment.port}",
        f"--workers={environment.web_workers}",
        f"--blocking-threads={environment.web_threads + waiting.THREADS}",
        "--no-ws",
        "--respawn-failed-workers",
        # What it says of itself below that would bury "Ready".
        "--log-level=error",
        "webknossos_site.wsgi:application",
    ]


def _workers(name: str, queue: str, count: int) -> list[tuple[str, list[str]]]:
    """Names and commands. Not one pool of processes: on the embedded broker those share a lock,
    which one that is killed keeps for ever, so that no other would get a job again.
    """
    return [
        (
            f"{name} {number}",
            _celery(
                "worker",
                "--pool=solo",
                f"--queues={queue}",
                f"--hostname={name}{number}@%h",
                "--without-gossip",
                "--without-mingle",
            ),
        )
        for number in range(1, count + 1)
    ]


def _celery(*arguments: str) -> list[str]:
    log_level = f"--loglevel={settings.ENVIRONMENT.log_level}"
    return [str(_BIN / "celery"), "--app", "webknossos_site", "--quiet", *arguments, log_level]


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as response:  # noqa: S310 (our own address)
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
