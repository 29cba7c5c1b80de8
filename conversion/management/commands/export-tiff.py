"""`manage.py export-tiff`: write a box of a dataset's layer as TIFF."""  # noqa: N999

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from conversion.management import tool_options
from conversion.management.file_command import FileCommand
from conversion.management.terminal import ProgressBar
from conversion.tools.exporting import ARCHIVE_SUFFIX, plan_export, write_export
from conversion.tools.opened import open_dataset
from datasets.properties import Mag
from sharing.sizes import readable_size

_SUFFIXES = (".tif", ".tiff", ARCHIVE_SUFFIX)
_USAGE_ERROR = 2


class Command(FileCommand):
    """Writes one stack, or an archive of stacks where slices are too large for one."""

    help = "Write a box of a layer as a TIFF stack that ImageJ opens, or as a zip of several."

    def add_arguments(self, parser: CommandParser) -> None:
        tool_options.add_dataset(parser, "source", "the directory of the dataset")
        parser.add_argument("target", type=Path, help="a new file: .tif, .tiff or .zip")
        parser.add_argument("--layer-name", default="color", help="the layer; by default 'color'")
        parser.add_argument(
            "--bbox",
            type=tool_options.bounding_box,
            help="x,y,z,width,height,depth in voxels of mag 1; by default the whole layer",
        )
        parser.add_argument(
            "--mag", type=tool_options.mag, default=Mag(1, 1, 1), help="by default 1"
        )
        parser.add_argument(
            "--axis",
            action="append",
            default=[],
            metavar="NAME=INDEX",
            type=_index,
            help="where on an additional axis, such as t=3; once for each axis that has several",
        )
        parser.add_argument(
            "--as-ome-tiff",
            action="store_true",
            help="OME-TIFF even where an ImageJ stack would do",
        )

    def run(self, options: dict[str, Any]) -> None:
        source, target = options["source"], options["target"]
        if target.suffix.lower() not in _SUFFIXES:
            raise CommandError(
                f"The target {target} must end in .tif, or in .zip for several stacks.",
                returncode=_USAGE_ERROR,
            )
        if target.exists():
            raise CommandError(f"{target} is there already. Name another file, or remove it.")
        dataset = open_dataset(source)
        (layer,) = dataset.layers(options["layer_name"])
        export = plan_export(
            dataset.mag(layer, options["mag"]),
            options["bbox"],
            dataset.data_source.voxel_size,
            index=dict(options["axis"]),
            as_ome=options["as_ome_tiff"],
        )
        with ProgressBar(sys.stderr) as bar:
            write_export(export, target, report=bar.show)
        self.say([f"Wrote {target} ({readable_size(target.stat().st_size)})."])


def _index(text: str) -> tuple[str, int]:
    name, _, index = text.partition("=")
    if not name or not index.lstrip("-").isdecimal():
        raise ValueError(text)
    return name, int(index)
