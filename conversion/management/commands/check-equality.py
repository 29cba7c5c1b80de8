"""`manage.py check-equality`: do two datasets hold the same voxels?"""  # noqa: N999

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversion.management import tool_options
from conversion.management.file_command import FileCommand
from conversion.management.terminal import ProgressBar
from conversion.tools.comparing import first_difference
from conversion.tools.opened import open_dataset

UNEQUAL = 1
NOT_COMPARED = 2
"""As cmp and diff have it."""


class Command(FileCommand):
    """Ends with 0 where the datasets are equal, with 1 and the first difference where not, and with
    2 where they can't be compared.
    """

    help = "Compare the layers, mags and voxels of two datasets, whatever their formats."

    def add_arguments(self, parser: CommandParser) -> None:
        tool_options.add_dataset(parser, "source", "the directory of one dataset")
        tool_options.add_dataset(parser, "target", "the directory of the other")
        tool_options.add_layer_name(parser, "compare")
        tool_options.add_jobs(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            super().handle(*args, **options)
        except CommandError as error:
            raise CommandError(str(error), returncode=NOT_COMPARED) from error

    def run(self, options: dict[str, Any]) -> None:
        source, target = options["source"], options["target"]
        with ProgressBar(sys.stderr) as bar:
            difference = first_difference(
                open_dataset(source),
                open_dataset(target),
                layer_name=options["layer_name"],
                threads=options["jobs"],
                report=bar.show,
            )
        if difference is not None:
            self.say([f"{source} and {target} are not equal. {difference}"])
            raise SystemExit(UNEQUAL)
        self.say([f"{source} and {target} are equal."])
