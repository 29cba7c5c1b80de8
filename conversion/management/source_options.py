"""Options of commands that read images, and what they mean as `pipeline.options.Options`."""

from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from conversion.management import tool_options
from conversion.pipeline.filters import Filter
from conversion.pipeline.mags import Sampling
from conversion.pipeline.options import Options
from conversion.pipeline.plan import OutputFormat
from conversion.pipeline.zstd import ZstdProfile
from conversion.readers.raw import RawDescription
from conversion.readers.series import Choice
from datasets.properties import (
    Category,
    DataFormat,
    LengthUnit,
    Vec3Float,
    Vec3Int,
    VoxelSize,
    is_voxel_length,
    parse_unit,
)

_DEFAULT = "default"
_FORMATS: dict[str, OutputFormat] = {"zarr3": DataFormat.ZARR3, "wkw": DataFormat.WKW}
_NOT_OURS = {
    "nearest": "nearest is not offered; mode is the one that keeps values as they are",
    "bilinear": "bilinear is not offered; mean comes nearest to it",
    "bicubic": "bicubic is not offered; mean comes nearest to it",
}


def add_to(parser: ArgumentParser) -> None:
    """What says how a source is to be read."""
    parser.add_argument(
        "--differing",
        choices=[choice.value for choice in Choice],
        help="what to do with slices of one folder that differ in size or type: enlarge the "
        "smaller ones with zeros, cut the larger ones, or make a layer of each kind",
    )
    raw = parser.add_argument_group("raw voxels, where no .mhd, .nhdr or .rpl lies beside them")
    raw.add_argument("--raw-size", type=vector, metavar="X,Y,Z", help="in voxels; x is fastest")
    raw.add_argument("--raw-type", metavar="TYPE", help="such as uint8, uint16 or float32")
    raw.add_argument("--raw-byte-order", choices=["little", "big"], default="little")
    raw.add_argument("--raw-offset", type=int, default=0, metavar="BYTES", help="before the voxels")
    raw.add_argument("--raw-channels", type=int, default=1, metavar="N", help="each a whole volume")


def add_output_to(parser: ArgumentParser) -> None:
    """What says how the dataset is to be written."""
    parser.add_argument(
        "--voxel-size", type=lengths, metavar="X,Y,Z", help="needed where the files don't tell it"
    )
    parser.add_argument(
        "--unit", type=unit, default=LengthUnit.NANOMETER, help="of --voxel-size (nanometer)"
    )
    parser.add_argument(
        "--layer-name", metavar="NAME", help="of the only layer; of several, their common prefix"
    )
    parser.add_argument(
        "--category",
        choices=[category.value for category in Category],
        help="of all layers; else metadata, names and voxels tell",
    )
    parser.add_argument("--name", default="", help="of the dataset (that of the target's folder)")
    parser.add_argument(
        "--data-format",
        choices=list(_FORMATS),
        default="zarr3",
    )
    parser.add_argument(
        "--profile",
        choices=[profile.value for profile in ZstdProfile],
        default=ZstdProfile.TUNED.value,
        help="of Zarr's compression: smallest files, about 1 %% larger in half the time, or "
        "about 9 %% larger in a quarter (tuned)",
    )
    parser.add_argument("--chunk-shape", type=vector, default=(32, 32, 32), metavar="X,Y,Z")
    parser.add_argument("--shard-shape", type=vector, metavar="X,Y,Z")
    parser.add_argument(
        "--no-downsample", dest="downsample", action="store_false", help="write mag 1 only"
    )
    parser.add_argument("--downsample", action="store_true", default=True, help="(the default)")
    parser.add_argument(
        "--max-mag", type=tool_options.mag, metavar="MAG", help="the coarsest: 8 or 8-8-2"
    )
    parser.add_argument(
        "--interpolation-mode",
        type=interpolation,
        default=_DEFAULT,
        metavar="{default,median,mean,mode}",
        help="of coarser mags: by default the median of images, the mode of segmentations",
    )
    parser.add_argument(
        "--sampling-mode",
        choices=[sampling.value for sampling in Sampling],
        default=Sampling.ANISOTROPIC.value,
    )


def parsed(options: dict[str, Any], source: Path) -> Options:
    """The options of a command that has those of `add_to`, and perhaps those of `add_output_to`."""
    differing = options["differing"]
    of_source = Options(
        differing=Choice(differing) if differing else None, raw=_raw(options, source)
    )
    if "voxel_size" not in options:
        return of_source
    size, category = options["voxel_size"], options["category"]
    filter_ = options["interpolation_mode"]
    return replace(
        of_source,
        name=options["name"],
        voxel_size=VoxelSize(factor=size, unit=options["unit"]) if size else None,
        layer_name=options["layer_name"],
        category=Category(category) if category else None,
        data_format=_FORMATS[options["data_format"]],
        profile=ZstdProfile(options["profile"]),
        chunk_shape=options["chunk_shape"],
        shard_shape=options["shard_shape"],
        downsample=options["downsample"],
        max_mag=options["max_mag"],
        sampling=Sampling(options["sampling_mode"]),
        filter=None if filter_ == _DEFAULT else Filter(filter_),
    )


def _raw(options: dict[str, Any], source: Path) -> RawDescription | None:
    size, dtype = options["raw_size"], options["raw_type"]
    if size is None and dtype is None:
        return None
    if size is None or dtype is None:
        raise CommandError("Give both --raw-size and --raw-type, or neither.", returncode=2)
    return RawDescription(
        file=source,
        size=size,
        dtype=dtype,
        byte_order=options["raw_byte_order"],
        offset=options["raw_offset"],
        channels=options["raw_channels"],
    )


def vector(text: str) -> Vec3Int:
    """Of an option: `32` or `32,32,32`."""
    parts = text.split(",")
    try:
        numbers = [int(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        numbers *= 3
    if len(numbers) != 3 or min(numbers) < 1:
        raise ArgumentTypeError(f"'{text}' is not one or three whole numbers, such as 32,32,32")
    x, y, z = numbers
    return x, y, z


def lengths(text: str) -> Vec3Float:
    """Of an option: `4,4,40`."""
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        x = y = z = 0.0
    if not all(map(is_voxel_length, (x, y, z))):
        raise ArgumentTypeError(f"'{text}' is not three lengths above 0, such as 4,4,40")
    return x, y, z


def unit(text: str) -> LengthUnit:
    """Of an option: `nanometer`, `nm`, `um` ..."""
    try:
        return parse_unit(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def interpolation(text: str) -> str:
    """Of an option: the name of a filter; of others of `webknossos convert`, what to take."""
    offered = [_DEFAULT, *(filter_.value for filter_ in Filter)]
    if text not in offered:
        raise ArgumentTypeError(_NOT_OURS.get(text, f"choose from {', '.join(offered)}"))
    return text
