"""`manage.py demo`: the site with sample people and sample datasets, ready to look at."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from conversion.services import scans
from datasets.models import Dataset
from webknossos_site import demo

from .up import run_site


class Command(BaseCommand):
    """Prepares the demonstration and runs the site until Ctrl-C or SIGTERM."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, make what is missing, scan the disk, start everything."""
        call_command("migrate", verbosity=0)
        sign_in = demo.prepare(settings.DATA_DIR / "demo.json")
        if Dataset.objects.exists():
            scans.scan_all()  # by the worker: the site is ready without it
        else:
            call_command("scan")
        run_site(sign_in_hint=demo.sign_in_hint(sign_in))
