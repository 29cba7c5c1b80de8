"""Writes a box of a layer as TIFF: one stack, or an archive of stacks that tile a large box.

Images are uncompressed and lie slice after slice. So the file can be laid out first and filled
block by block, in bounded memory, and readers can map it. ImageJ hyperstacks are plain TIFFs that
everything opens, but end at 4 GB and know few types of voxels; what they can't hold becomes an
OME-TIFF, which is a BigTIFF where it has to be.
"""

import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray

from conversion.pipeline.part_file import PartFile
from conversion.tools.blocks import BLOCK_BYTES, Index, blocks_of, read
from conversion.tools.opened import OpenedMag
from conversion.tools.problem import ToolProblem
from conversion.tools.progress import Meter, Report, say_nothing
from datasets.properties import BoundingBox, LengthUnit, VoxelSize
from datasets.voxels.box import Box

LARGEST_SIDE = 16384
"""Pixels of a slice in one stack; viewers of TIFFs hold whole slices."""
TILE_SIDE = 8192
"""Of the stacks into which larger slices are cut."""
ARCHIVE_SUFFIX = ".zip"
_CLASSIC_BYTES = 2**32 - 2**24
_IMAGEJ_TYPES = {"uint8", "uint16", "float32"}
_NARROWED = {"uint64": "uint32", "int64": "int32"}
"""TIFF readers know no whole numbers of 64 bits."""


@dataclass(frozen=True)
class Export:
    """A box of a mag, in voxels of that mag, to be written as TIFF."""

    mag: OpenedMag
    box: Box
    voxel_size: VoxelSize
    index: Index
    """On the additional axes."""
    as_ome: bool = False
    """Whether to write OME-TIFF where an ImageJ hyperstack would do."""

    @property
    def dtype(self) -> np.dtype[Any]:
        stored = self.mag.array.dtype.newbyteorder("=")
        return np.dtype(_NARROWED.get(stored.name, stored.name))

    @property
    def total_bytes(self) -> int:
        """The size of all voxels as they will be written."""
        return self.box.volume * self.mag.array.num_channels * self.dtype.itemsize

    @property
    def is_rgb(self) -> bool:
        return self.mag.array.num_channels == 3 and self.dtype == np.uint8

    @property
    def voxel_micrometers(self) -> tuple[float, float, float]:
        """The size of a voxel of the mag."""
        x, y, z = (
            length * factor / LengthUnit.MICROMETER.nanometers
            for length, factor in zip(self.voxel_size.nanometers, self.mag.mag, strict=True)
        )
        return x, y, z

    @property
    def needs_tiles(self) -> bool:
        """Whether its slices are too large for one stack."""
        return max(self.box.size[:2]) > LARGEST_SIDE


def plan_export(
    mag: OpenedMag,
    box: BoundingBox | None,
    voxel_size: VoxelSize,
    *,
    index: Index | None = None,
    as_ome: bool = False,
) -> Export:
    """An export of the part of the layer in `box`, in voxels of mag 1; by default all of it.

    `index` names one index on each additional axis that has several. Raises ToolProblem where it
    does not, for an axis or index that there is not, and for a box that holds nothing of the layer.
    """
    layer = mag.layer
    box = box or layer.bounding_box
    if box.intersection(layer.bounding_box).is_empty:
        said = layer.bounding_box
        raise ToolProblem(
            f"The box {_words(box)} holds nothing of layer '{layer.name}'.",
            f"The layer lies at {_words(said)} (x,y,z,width,height,depth).",
        )
    bounds = {axis.name: range(*axis.bounds) for axis in layer.additional_axes}
    only = {name: indices.start for name, indices in bounds.items() if len(indices) == 1}
    chosen = only | dict(index or {})
    if open_axes := {name: at for name, at in bounds.items() if name not in chosen}:
        example = [f"{name}={indices.start}" for name, indices in open_axes.items()]
        options = " ".join(f"--axis {each}" for each in example)
        raise ToolProblem(
            f"A TIFF gets one point on the axes of layer '{layer.name}', which has "
            f"{_axes_words(open_axes)}.",
            f"Say which, such as {', '.join(example)} (on a command line {options}).",
        )
    for name, at in chosen.items():
        if at not in bounds.get(name, ()):
            raise ToolProblem(
                f"Layer '{layer.name}' has no {at} on an axis '{name}'.",
                "It has " + (_axes_words(bounds) or "no additional axes") + ".",
            )
    in_mag = box.in_mag(mag.mag)
    return Export(mag, Box(in_mag.top_left, in_mag.size), voxel_size, chosen, as_ome)


def write_export(export: Export, target: Path, *, report: Report = say_nothing) -> None:
    """Write `target`: an archive of stacks if it ends in `.zip`, else one stack.

    Raises ToolProblem for slices too large for one stack, for values that TIFF can't hold and for
    voxels that can't be read; OSError where writing fails. Nothing is left half-written.
    """
    meter = Meter(report, export.total_bytes)
    with PartFile(target) as part:
        if target.suffix.lower() == ARCHIVE_SUFFIX:
            _write_archive(export, part.file, target, meter)
        elif export.needs_tiles:
            raise ToolProblem(
                f"Slices of {export.box.size[0]:,} x {export.box.size[1]:,} pixels are too large "
                f"for one TIFF stack, which has up to {LARGEST_SIDE:,} x {LARGEST_SIDE:,}.",
                "Choose a smaller box, a coarser mag, or a target that ends in .zip, which gets "
                "several stacks.",
            )
        else:
            _write_stack(export, export.box, part.file, meter)
        part.publish()


def _write_archive(export: Export, file: BinaryIO, target: Path, meter: Meter) -> None:
    name = f"{export.mag.layer.name}_{export.mag.mag.literal}"
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
        tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder,
    ):
        for tile in _tiles(export.box):
            stack = Path(folder) / "stack.tif"
            with stack.open("wb") as stack_file:
                _write_stack(export, tile, stack_file, meter)
            x, y, z = tile.offset
            archive.write(stack, f"{name}_x{x}_y{y}_z{z}.tif")


def _tiles(box: Box) -> Iterator[Box]:
    """The box as one tile where its slices are small, else tiles that begin at its corner."""
    if max(box.size[:2]) <= LARGEST_SIDE:
        yield box
        return
    for tile in blocks_of(Box((0, 0, 0), box.size), (TILE_SIDE, TILE_SIDE, box.size[2])):
        x, y, z = (start + inside for start, inside in zip(box.offset, tile.offset, strict=True))
        yield Box((x, y, z), tile.size)


def _write_stack(export: Export, box: Box, file: BinaryIO, meter: Meter) -> None:
    channels, is_rgb = export.mag.array.num_channels, export.is_rgb
    width, height, depth = box.size
    size = box.volume * channels * export.dtype.itemsize
    is_large = size >= _CLASSIC_BYTES
    is_imagej = export.dtype.name in _IMAGEJ_TYPES and not export.as_ome and not is_large
    x, y, _ = micrometers = export.voxel_micrometers
    order: Literal["<", ">"] = ">" if is_imagej else "<"  # as ImageJ writes
    with tifffile.TiffWriter(
        file, byteorder=order, imagej=is_imagej, ome=not is_imagej, bigtiff=is_large
    ) as tiff:
        place = tiff.write(
            shape=(depth, height, width, 3) if is_rgb else (depth, channels, height, width),
            dtype=export.dtype,
            photometric="rgb" if is_rgb else "minisblack",
            metadata=_metadata(export, is_imagej, micrometers),
            resolution=(1 / x, 1 / y) if is_imagej else None,
            resolutionunit="NONE" if is_imagej else None,
            returnoffset=True,
        )
    assert place is not None  # noqa: S101 (slices without compression lie in one piece)
    _fill(export, box, file, place[0], export.dtype.newbyteorder(order), meter)


def _fill(
    export: Export,
    box: Box,
    file: BinaryIO,
    offset: int,
    dtype: np.dtype[Any],
    meter: Meter,
) -> None:
    """Write the voxels where the file has room for them from `offset` on: z, c, y, x, or z, y, x, c
    for RGB. Blocks are whole rows, so that what lies together is written together.
    """
    mag, is_rgb = export.mag, export.is_rgb
    stage = f"Layer '{mag.layer.name}', mag {mag.mag.literal}"
    width, height, _ = box.size
    for block in _row_blocks(mag, box):
        voxels = _converted(mag, block, _read(export, block), dtype)
        row = block.offset[1] - box.offset[1]
        for plane in range(block.size[2]):
            z = block.offset[2] - box.offset[2] + plane
            whole = voxels[:, :, :, plane].transpose(2, 1, 0)
            # Of RGB one image with the channels innermost, else one for each channel.
            images = [whole] if is_rgb else [whole[:, :, channel] for channel in range(len(voxels))]
            for number, image in enumerate(images):
                pixels = ((z * len(images) + number) * height + row) * width
                file.seek(offset + pixels * dtype.itemsize * (len(voxels) if is_rgb else 1))
                file.write(np.ascontiguousarray(image).data)
        meter.add(stage, voxels.nbytes)
    file.flush()


def _row_blocks(mag: OpenedMag, box: Box) -> Iterator[Box]:
    """The box in blocks of whole rows, cut on borders of chunks where memory allows."""
    _, _, chunk_height, chunk_depth = mag.array.chunk_shape
    (x, y, z), (width, height, depth) = box
    most_rows = max(BLOCK_BYTES // (width * mag.voxel_bytes), 1)  # of one slice or of several
    slices = min(chunk_depth, depth, max(most_rows // min(chunk_height, height), 1))
    rows = max(most_rows // slices // chunk_height * chunk_height, min(chunk_height, most_rows))
    for first, last in _cuts(z, z + depth, slices):
        for upper, lower in _cuts(y, y + height, rows):
            yield Box((x, upper, first), (width, lower - upper, last - first))


def _cuts(start: int, end: int, step: int) -> Iterator[tuple[int, int]]:
    """The stretches of a range between multiples of `step`."""
    while start < end:
        stop = min((start // step + 1) * step, end)
        yield start, stop
        start = stop


def _read(export: Export, box: Box) -> NDArray[Any]:
    """The voxels of a box (c, x, y, z); zeros beyond the layer's own box."""
    mag = export.mag
    inside = box.clipped(mag.box)
    if inside == box:
        return read(mag, box, export.index)
    voxels = np.zeros((mag.array.num_channels, *box.size), mag.array.dtype)
    if inside.volume:
        voxels[(slice(None), *inside.slices_in(box))] = read(mag, inside, export.index)
    return voxels


def _converted(
    mag: OpenedMag, box: Box, voxels: NDArray[Any], dtype: np.dtype[Any]
) -> NDArray[Any]:
    if mag.array.dtype.name in _NARROWED:
        limits = np.iinfo(dtype)
        if voxels.size and not limits.min <= voxels.min() <= voxels.max() <= limits.max:
            worst = int(voxels.max() if voxels.max() > limits.max else voxels.min())
            raise ToolProblem(
                f"The voxel value {worst} near {','.join(map(str, box.offset))} (in voxels of mag "
                f"{mag.mag.literal}) does not fit into a TIFF, whose whole numbers have 32 bits.",
                "Choose another box, or download the data in its own format.",
            )
    return voxels.astype(dtype, copy=False)


def _metadata(export: Export, is_imagej: bool, micrometers: tuple[float, ...]) -> dict[str, Any]:
    """The size of a voxel and the order of the axes, as the two kinds of files tell them."""
    axes = "ZYXS" if export.is_rgb else "ZCYX"
    if is_imagej:
        spacing = {"spacing": micrometers[2], "unit": "um"}
        return {**spacing, **({} if export.is_rgb else {"axes": axes})}
    sizes = {f"PhysicalSize{axis}": size for axis, size in zip("XYZ", micrometers, strict=True)}
    units = {f"PhysicalSize{axis}Unit": LengthUnit.MICROMETER.symbol for axis in "XYZ"}
    return {"axes": axes, "Name": export.mag.layer.name, **sizes, **units}


def _words(box: BoundingBox) -> str:
    return ",".join(map(str, (*box.top_left, *box.size)))


def _axes_words(bounds: dict[str, range]) -> str:
    return ", ".join(f"{name} from {at.start} to {at.stop - 1}" for name, at in bounds.items())
