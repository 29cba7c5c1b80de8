"""Options that commands on datasets share, named as the public command line names them."""

import os
from argparse import ArgumentTypeError
from pathlib import Path

from django.core.management.base import CommandParser

from datasets.properties import BoundingBox, Mag


def add_dataset(parser: CommandParser, name: str, help_: str) -> None:
    """The directory of a dataset, as an argument without a dash."""
    parser.add_argument(name, type=Path, help=help_)


def add_layer_name(parser: CommandParser, purpose: str) -> None:
    """`--layer-name`: one layer instead of all."""
    parser.add_argument("--layer-name", help=f"the layer to {purpose}; by default all of them")


def add_jobs(parser: CommandParser) -> None:
    """`--jobs`: how many processor cores to use."""
    parser.add_argument(
        "--jobs", type=_count, default=os.cpu_count() or 1, help="threads; by default one a core"
    )


def mag(text: str) -> Mag:
    """A mag such as 2 or 2-2-1, as argparse takes it."""
    try:
        return Mag.parse(text)
    except ValueError as error:
        raise ArgumentTypeError(
            f"{text!r} is no mag. Write a number such as 2, or three of them such as 2-2-1."
        ) from error


def bounding_box(text: str) -> BoundingBox:
    """A box `x,y,z,width,height,depth`, as argparse takes it."""
    try:
        x, y, z, width, height, depth = (int(part) for part in text.split(","))
    except ValueError as error:
        raise ArgumentTypeError(
            f"{text!r} is no box. Write six whole numbers: x,y,z,width,height,depth."
        ) from error
    if min(width, height, depth) < 1:
        raise ArgumentTypeError(f"The box {text!r} is empty: its sizes must be 1 at least.")
    return BoundingBox.of((x, y, z), (width, height, depth))


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is no number of threads; write 1 or more.")
    return int(text)
