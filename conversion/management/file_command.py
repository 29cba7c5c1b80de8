"""What the commands on files have in common: options, how they end, and what a person reads."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from conversion.pipeline.planning import PlanProblem
from conversion.readers import UnreadableImage
from conversion.tools.problem import ToolProblem
from conversion.uploads.names import BadUpload
from datasets.properties import UnreadableProperties
from datasets.properties.sentences import printable
from datasets.voxels.errors import VoxelsError

INTERRUPTED = 130
"""The exit code of what Ctrl-C ended, as shells have it."""
EXPECTED = (PlanProblem, UnreadableImage, BadUpload, ToolProblem, UnreadableProperties, VoxelsError)
"""What may be wrong with somebody's files; each says so in sentences."""


class FileCommand(BaseCommand, ABC):
    """A command that works on files alone, without a site (see manage.py).

    It ends with 0, with 1 and a sentence on stderr, with 2 for options that make no sense, or with
    `INTERRUPTED`. A subclass implements `run`, and `interrupted` where there is something to say.
    """

    requires_system_checks = []
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.run(options)
        except EXPECTED as error:
            raise CommandError(printable(str(error))) from error
        except OSError as error:
            raise CommandError(sentence(error)) from error
        except KeyboardInterrupt:
            self.stderr.write("")  # ends the line with ^C
            self.stderr.write(self.interrupted())
            raise SystemExit(INTERRUPTED) from None

    @abstractmethod
    def run(self, options: dict[str, Any]) -> None:
        """Do it. What is raised for people (`EXPECTED`, OSError) becomes a sentence."""

    def say(self, lines: Iterable[str]) -> None:
        """Print lines, whatever the names in them are made of."""
        self.stdout.write("\n".join(map(printable, lines)))

    def interrupted(self) -> str:
        """What Ctrl-C leaves behind, and how to go on."""
        return "Interrupted."


def sentence(error: OSError) -> str:
    """What the system says, with the file's name."""
    said = error.strerror or str(error)
    named = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
    return printable(f"{named}{said}.")
