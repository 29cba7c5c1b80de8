"""`manage.py compress`: compress a dataset where it lies."""

import sys
from typing import Any

from django.core.management.base import CommandParser

from conversion.management import tool_options
from conversion.management.file_command import FileCommand
from conversion.management.terminal import ProgressBar
from conversion.tools.compressing import compress
from conversion.tools.opened import open_dataset


class Command(FileCommand):
    """Replaces each mag that is raw, or Zarr v3 without codec or shards, by a compressed one."""

    help = "Compress the mags of a dataset in place; voxels stay exactly the same."

    def add_arguments(self, parser: CommandParser) -> None:
        tool_options.add_dataset(parser, "target", "the directory of the dataset")
        tool_options.add_layer_name(parser, "compress")
        parser.add_argument(
            "--mag",
            type=tool_options.mag,
            action="append",
            default=[],
            help="a mag to compress, such as 2 or 2-2-1; repeatable; by default all",
        )
        tool_options.add_jobs(parser)

    def run(self, options: dict[str, Any]) -> None:
        with ProgressBar(sys.stderr) as bar:
            compressed = compress(
                open_dataset(options["target"]),
                layer_name=options["layer_name"],
                mags=options["mag"],
                threads=options["jobs"],
                report=bar.show,
            )
        for mag in compressed:
            self.say([f"Layer '{mag.layer.name}', mag {mag.mag.literal} is compressed now."])
        if not compressed:
            self.say(["All of it is compressed already."])

    def interrupted(self) -> str:
        return "Interrupted. What is done stays compressed; the same command goes on with the rest."
