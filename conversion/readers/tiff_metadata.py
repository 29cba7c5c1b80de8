"""What TIFF files tell beyond voxels: voxel size, channel names and colours, in several dialects.

Sources: OME-TIFF specification (Pixels, Channel), ImageJ's `FileSaver`, LSM as tifffile knows it,
TIFF 6.0 (XResolution), and the tags that FEI and Zeiss electron microscopes write.
"""

from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from tifffile import TiffFile, TiffPageSeries

from conversion.readers.protocol import Color
from conversion.readers.voxel_sizes import believable
from datasets.properties import LengthUnit, VoxelSize

_RESOLUTION_UNITS = {
    2: LengthUnit.INCH,
    3: LengthUnit.CENTIMETER,
    4: LengthUnit.MILLIMETER,
    5: LengthUnit.MICROMETER,
}


@dataclass(frozen=True)
class Metadata:
    name: str = ""
    voxel_size: VoxelSize | None = None
    voxel_size_source: str = ""
    channel_names: tuple[str, ...] = ()
    channel_colors: tuple[Color | None, ...] = ()
    notes: tuple[str, ...] = ()


def read(
    file: TiffFile, series: TiffPageSeries, depth: int, ome: ElementTree.Element | None
) -> Metadata:
    """The metadata of a series of `depth` slices; `ome` is its Image element, if there is one."""
    if ome is not None:
        return _of_ome(ome, depth)
    if series.kind == "imagej":
        return _of_imagej(file, series, depth)
    if series.kind == "lsm":
        return _of_lsm(file, depth)
    for sizes, source in (
        (_fei_size, "the FEI microscope's metadata"),
        (_zeiss_size, "the Zeiss microscope's metadata"),
        (_resolution, "the TIFF resolution"),
    ):
        x, y, unit = sizes(file, series)
        if believable(x, y, x, unit, depth=1):
            return _sized(x, y, None, unit, depth, source)
    return Metadata()


def _sized(
    x: float | None,
    y: float | None,
    z: float | None,
    unit: LengthUnit | str | None,
    depth: int,
    source: str,
    **rest: Any,
) -> Metadata:
    size = believable(x, y, z, unit, depth=depth)
    notes: tuple[str, ...] = ()
    if size is None and (plane := believable(x, y, x, unit, depth=1)) is not None:
        x, y, _ = plane.factor
        symbol = plane.unit.symbol
        notes = (f"A voxel is {x:g} x {y:g} {symbol} by {source}; no distance of slices is given.",)
    return Metadata(voxel_size=size, voxel_size_source=source if size else "", notes=notes, **rest)


def _of_ome(image: ElementTree.Element, depth: int) -> Metadata:
    pixels = image.find("Pixels")
    if pixels is None:
        return Metadata(name=image.get("Name", ""))
    lengths = [_number(pixels.get(f"PhysicalSize{axis}")) for axis in "XYZ"]
    units = [pixels.get(f"PhysicalSize{axis}Unit", "µm") for axis in "XYZ"]
    x, y, z = _in_one_unit(lengths, units)
    channels = pixels.findall("Channel")
    names = [channel.get("Name", "") for channel in channels]
    colors = [_ome_color(channel.get("Color")) for channel in channels]
    return _sized(
        x,
        y,
        z,
        units[0],
        depth,
        "the OME-XML",
        name=image.get("Name", ""),
        channel_names=tuple(names) if any(names) else (),
        channel_colors=tuple(colors) if any(colors) else (),
    )


def _in_one_unit(lengths: list[float | None], units: list[str]) -> list[float | None]:
    """The lengths in the unit of the first; None where theirs is unknown."""
    in_nanometers = [
        size.nanometers[0] if (size := believable(length, length, length, unit, depth=1)) else None
        for length, unit in zip(lengths, units, strict=True)
    ]
    first = in_nanometers[0]
    if first is None or lengths[0] is None:
        return [None, None, None]
    scale = first / lengths[0]
    return [
        length if unit == units[0] else nanometers and nanometers / scale
        for length, unit, nanometers in zip(lengths, units, in_nanometers, strict=True)
    ]


def _ome_color(text: str | None) -> Color | None:
    """OME writes red, green, blue and alpha as the bytes of one signed integer."""
    try:
        value = int(text or "") & 0xFFFFFFFF
    except ValueError:
        return None
    return value >> 24, value >> 16 & 255, value >> 8 & 255


def _of_imagej(file: TiffFile, series: TiffPageSeries, depth: int) -> Metadata:
    metadata: dict[str, Any] = file.imagej_metadata or {}
    x, y, unit = _resolution(file, series)
    if named := metadata.get("unit"):
        x, y = _pixel_lengths(series)
        unit = str(named).replace("\\u00B5", "µ")
    spacing = _number(metadata.get("spacing"))
    tables = metadata.get("LUTs") if metadata.get("mode") in ("composite", "color") else None
    colors: tuple[Color | None, ...] = ()
    if isinstance(tables, list):
        colors = tuple(
            (int(table[0][-1]), int(table[1][-1]), int(table[2][-1])) for table in tables
        )
    return _sized(x, y, spacing, unit, depth, "the ImageJ metadata", channel_colors=colors)


def _of_lsm(file: TiffFile, depth: int) -> Metadata:
    metadata: dict[str, Any] = file.lsm_metadata or {}
    lengths = [_number(metadata.get(f"VoxelSize{axis}")) for axis in "XYZ"]
    x, y, z = (length and round(length * 1e6, 9) for length in lengths)
    colors = metadata.get("ChannelColors") or {}
    return _sized(
        x,
        y,
        z,
        LengthUnit.MICROMETER,
        depth,
        "the LSM metadata",
        channel_names=tuple(str(name) for name in colors.get("ColorNames", ())),
        channel_colors=tuple((r, g, b) for r, g, b, *_ in colors.get("Colors", ())),
    )


Sizes = tuple[float | None, float | None, LengthUnit | str | None]


def _fei_size(file: TiffFile, _: TiffPageSeries) -> Sizes:
    scan = (file.fei_metadata or {}).get("Scan", {}) if file.is_fei else {}
    x, y = _number(scan.get("PixelWidth")), _number(scan.get("PixelHeight"))
    return x and x * 1e9, y and y * 1e9, LengthUnit.NANOMETER


def _zeiss_size(file: TiffFile, _: TiffPageSeries) -> Sizes:
    metadata: dict[str, Any] = (file.sem_metadata or {}) if file.is_sem else {}
    entry = metadata.get("ap_image_pixel_size", ())
    if len(entry) != 3:
        return None, None, None
    _, number, unit = entry
    size = believable(_number(number), _number(number), None, str(unit), depth=1)
    return (size.factor[0], size.factor[1], size.unit) if size else (None, None, None)


def _resolution(_: TiffFile, series: TiffPageSeries) -> Sizes:
    x, y = _pixel_lengths(series)
    unit = _RESOLUTION_UNITS.get(series.keyframe.resolutionunit)
    if unit is None:
        return None, None, None
    return x and x * unit.nanometers, y and y * unit.nanometers, LengthUnit.NANOMETER


def _pixel_lengths(series: TiffPageSeries) -> tuple[float | None, float | None]:
    """x and y, in whatever unit the resolution is."""
    page = series.keyframe
    x, y = (
        1 / found if page.tags.get(code) is not None and found else None
        for code, found in zip((282, 283), page.resolution, strict=True)
    )
    return x, y


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
