"""`manage.py check_audience`: does the derived table of readers agree with the grants?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from datasets.models import Dataset
from datasets.services import audience


class Command(BaseCommand):
    """Compares, and on request repairs; the grants on datasets and folders are never changed."""

    help = "Compare which team may read which dataset with the grants that say so."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--repair` makes the table what the grants say."""
        parser.add_argument("--repair", action="store_true", help="make the table agree")

    def handle(self, *args: Any, repair: bool, **options: Any) -> None:
        """Print each pair that differs; fail where some remain."""
        differing = 0
        for difference in audience.differences():
            for dataset_id, team_id in sorted(difference.missing):
                self.stdout.write(f"team {team_id} should read dataset {dataset_id}, but does not")
            for dataset_id, team_id in sorted(difference.superfluous):
                self.stdout.write(f"team {team_id} reads dataset {dataset_id}, but should not")
            differing += len(difference)
        if not differing:
            self.stdout.write("All pairs of team and dataset agree with the grants.")
        elif repair:
            changed = audience.refresh(Dataset.objects.all())
            self.stdout.write(f"Repaired {changed} pairs.")
        else:
            raise CommandError(f"{differing} pairs differ. Repair them with --repair.")
