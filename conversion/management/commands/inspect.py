"""`manage.py inspect`: what a file, a folder, an archive or a dataset holds."""

import json
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from conversion.management import source_options
from conversion.management.file_command import FileCommand
from conversion.management.opened_source import checked_source, is_archive, unpacked
from conversion.management.shown import finding_json, finding_lines
from conversion.management.terminal import ProgressBar
from conversion.pipeline.planning import find
from conversion.readers.sandbox import Sandbox


class Command(FileCommand):
    """Looks at metadata only; nothing is written but, of an archive, into a temporary folder."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The source, and how to print what it holds."""
        parser.add_argument("source", type=Path, metavar="SOURCE", help="file, folder or archive")
        parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
        source_options.add_to(parser)

    def run(self, options: dict[str, Any]) -> None:
        """Print images and the layers that they would become."""
        source = checked_source(options["source"])
        with (
            Sandbox() as sandbox,
            tempfile.TemporaryDirectory(prefix="inspect-") as scratch,
            ProgressBar(sys.stderr) as bar,
        ):
            path = unpacked(source, Path(scratch), bar) if is_archive(source) else source
            finding = find(path, source_options.parsed(options, path), sandbox)
        if options["json"]:
            found = finding_json(finding, source)
            self.say(json.dumps(found, indent=2).split("\n"))
        else:
            self.say(finding_lines(finding, source))
