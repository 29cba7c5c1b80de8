"""`manage.py scan`: scan the data directory now, here, without a worker."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from datasets.disk.scan import scan_organization, unknown_organizations
from sharing.models import Organization

_KINDS = (
    "added",
    "changed",
    "recovered",
    "pending",
    "not_imported",
    "broken",
    "missing",
    "notes",
)


class Command(BaseCommand):
    """Scans the directories of all or of the named organizations and says what it found."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """The organizations to scan."""
        parser.add_argument("organization", nargs="*", help="ids; all organizations where none")

    def handle(self, *args: Any, **options: Any) -> None:
        """Scan one organization after the other."""
        wanted = options["organization"]
        organizations = Organization.objects.all()
        if wanted:
            organizations = organizations.filter(pk__in=wanted)
            unknown = sorted(set(wanted) - {organization.pk for organization in organizations})
            if unknown:
                raise CommandError(f"There is no organization {', '.join(unknown)}.")
        for organization in organizations:
            outcome = scan_organization(organization)
            self.stdout.write(f"{organization.pk}: {outcome.seen} datasets on disk")
            for kind in _KINDS:
                for finding in getattr(outcome, kind):
                    words = kind.replace("_", " ")
                    self.stdout.write(f"  {words}: {finding.name} {finding.text}".rstrip())
            for problem in outcome.problems:
                self.stderr.write(f"  {problem}")
        for name in unknown_organizations():
            self.stderr.write(f"The directory '{name}' belongs to no organization.")
