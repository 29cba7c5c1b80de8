"""`manage.py downsample`: add the coarser mags that a dataset lacks."""

import sys
from functools import partial
from typing import Any

from django.core.management.base import CommandParser

from conversion.management import tool_options
from conversion.management.file_command import FileCommand
from conversion.management.terminal import ProgressBar
from conversion.pipeline.filters import Filter
from conversion.pipeline.mags import Sampling
from conversion.tools.downsampling import add_mags, missing_mags
from conversion.tools.new_mags import add_to_file
from conversion.tools.opened import open_dataset

_DEFAULT = "default"


class Command(FileCommand):
    """Makes each missing mag of the one before it, and adds it once it is whole."""

    help = "Add the coarser mags that a dataset lacks, as 'webknossos downsample' does."

    def add_arguments(self, parser: CommandParser) -> None:
        tool_options.add_dataset(parser, "target", "the directory of the dataset")
        tool_options.add_layer_name(parser, "downsample")
        parser.add_argument(
            "--coarsest-mag",
            "--max-mag",
            type=tool_options.mag,
            help="where to stop, such as 16 or 16-16-4; by default where slices are about 100 "
            "pixels wide",
        )
        parser.add_argument(
            "--sampling-mode",
            choices=[mode.value for mode in Sampling],
            default=Sampling.ANISOTROPIC.value,
            help="on which axes mags grow coarser: those that bring voxels nearer to cubes "
            "(default), all, or x and y",
        )
        parser.add_argument(
            "--interpolation-mode",
            choices=[_DEFAULT, *(filter_.value for filter_ in Filter)],
            default=_DEFAULT,
            help="what a coarse voxel keeps of finer ones; by default the mode of segmentations "
            "and the median of images",
        )
        tool_options.add_jobs(parser)

    def run(self, options: dict[str, Any]) -> None:
        dataset = open_dataset(options["target"])
        missing = missing_mags(
            dataset,
            layer_name=options["layer_name"],
            coarsest=options["coarsest_mag"],
            sampling=Sampling(options["sampling_mode"]),
        )
        mode = options["interpolation_mode"]
        with ProgressBar(sys.stderr) as bar:
            add_mags(
                dataset,
                missing,
                publish=partial(add_to_file, options["target"]),
                filter_=None if mode == _DEFAULT else Filter(mode),
                threads=options["jobs"],
                report=bar.show,
            )
        for each in missing:
            mags = ", ".join(mag.literal for mag in each.mags)
            self.say([f"Layer '{each.layer.name}' has mag {mags} now."])
        if not missing:
            self.say(["No mag is missing."])

    def interrupted(self) -> str:
        return (
            "Interrupted. Mags that are whole were added; the same command goes on with the rest."
        )
